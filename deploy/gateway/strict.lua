-- Refuses a body with a field that its request has not: the transcoder would drop the field without a word.
-- `requests` comes from the protos (protos/strict.py): by path pattern, a tree of field names; "*" stands for any key.

local function known_in(path)
  for _, request in ipairs(requests) do
    if path:find(request.path) then return request.fields end
  end
end

local value -- reads a JSON value and returns where it ends, and the first unknown field, if there is one

local function string_end(text, at)
  repeat
    local backslashes
    at, backslashes = text:match('()(\\*)"', at + 1)
    if not at then return #text + 1 end
    at = at + #backslashes
  until #backslashes % 2 == 0
  return at + 1
end

local function members(text, at, known)
  while true do
    at = text:find('[^%s,]', at)
    if not at or text:sub(at, at) ~= '"' then return (at or #text) + 1 end
    local after = string_end(text, at)
    local key = text:sub(at + 1, after - 2)
    after = text:match('^%s*:()', after)
    if not after then return #text + 1 end -- no JSON: the transcoder says where
    local inner = known == true or known[key] or known['*']
    if not inner then return at, key end
    local unknown
    at, unknown = value(text, after, inner)
    if unknown then return at, unknown end
  end
end

local function items(text, at, known)
  while true do
    at = text:find('[^%s,]', at)
    if not at or text:sub(at, at) == ']' then return (at or #text) + 1 end
    local unknown
    at, unknown = value(text, at, known)
    if unknown then return at, unknown end
  end
end

function value(text, at, known)
  at = text:find('%S', at)
  if not at then return #text + 1 end
  local first = text:sub(at, at)
  if first == '{' then return members(text, at + 1, known) end
  if first == '[' then return items(text, at + 1, known) end
  if first == '"' then return string_end(text, at) end
  return text:find('[,%]}%s]', at + 1) or #text + 1
end

local function refuse(handle, status, message)
  handle:respond({[':status'] = status}, message)
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local known = known_in((headers:get(':path'):gsub('%?.*', '')))
  if not known or headers:get(':method') ~= 'POST' then return end
  -- A form of a foreign page cannot send this type, so that no browser is made to call.
  if not (headers:get('content-type') or ''):find('^application/json') then
    return refuse(handle, '415', 'the content-type is not application/json: send JSON, and say so')
  end
  local body = handle:body()
  if not body then return end
  local _, unknown = value(body:getBytes(0, body:length()), 1, known)
  if unknown then
    local name = unknown:gsub('[^%w_.@-]', '?'):sub(1, 80)
    refuse(handle, '400', 'the body has a field ' .. name .. ', which the request has not: correct the name')
  end
end

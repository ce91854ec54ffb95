// A look-alike of the vendor's Wink widget for the embedded stand-in: the same constructor, options
// and callbacks. It needs no inline script and no inline style.
(() => {
  "use strict";

  const STYLE = `
    dialog { border: 0; border-radius: 12px; padding: 0; width: min(26rem, 92vw); font: 1rem/1.4 system-ui, sans-serif;
      color: #16202c; background: #fff; }
    dialog::backdrop { background: rgb(10 20 30 / 55%); }
    header { display: flex; align-items: center; gap: .5rem; padding: 1rem 1rem 0; }
    h2 { flex: 1; font-size: 1.1rem; margin: 0; }
    h3 { font-size: 1rem; margin: 0 0 .6rem; }
    form { display: grid; gap: .3rem; margin-bottom: .6rem; }
    [role=group] { display: flex; flex-wrap: wrap; gap: .4rem; margin: .6rem 0; }
    [aria-pressed=true] { background: #e3eefa; border-color: #0b5cad; }
    main { padding: 1rem; max-height: 70vh; overflow: auto; }
    label { display: block; margin: .6rem 0; }
    input, button { font: inherit; padding: .6rem .7rem; border-radius: 8px; border: 1px solid #64748b; }
    input { width: 100%; box-sizing: border-box; }
    button { background: #fff; color: inherit; cursor: pointer; min-height: 2.75rem; }
    button.main { background: #0b5cad; border-color: #0b5cad; color: #fff; width: 100%; }
    :focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
    ul { list-style: none; padding: 0; margin: 0; }
    li { display: flex; align-items: center; gap: .5rem; margin: .4rem 0; }
    li > button:only-child, li > span { flex: 1; text-align: left; }
    p[role=alert] { margin: 0; }
    p[role=alert]:not(:empty) { background: #fde8e8; color: #7a1016; margin: .75rem 1rem 0; padding: .6rem; border-radius: 8px; }
  `;

  const WRONG = {
    INVALID_CREDENTIALS: "The user name or password is wrong.",
    INVALID_MFA: "The code is wrong. Log in again for a new one.",
    ACCOUNT_LOCKED: "This account is locked after too many attempts.",
  };

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  class SmileLinkModal {
    constructor(options) {
      if (!options || !options.apiHost || !options.userToken) {
        throw new Error("SmileLinkModal needs apiHost and userToken");
      }
      this.options = { enableSearchBar: true, enableTypeBar: true, enableUpload: false, ...options };
      this.token = options.userToken;
      this.type = "";
    }

    async open() {
      this._build();
      this.dialog.showModal();
      this._event("OPENED");
      try {
        await this._start();
        this._list();
      } catch (error) {
        this.alert.textContent = "The widget could not be opened. Close it and try again.";
        this._close("error");
      }
    }

    close() {
      this._close("close");
    }

    // The dialog

    _build() {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.host = made("div", { id: "smile-link-modal" });
      const root = this.host.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      const title = made("h2", { id: "title", textContent: this._title() });
      const exit = made("button", { type: "button", textContent: "Close", ariaLabel: "Close the widget" });
      exit.addEventListener("click", () => this._close("exit"));
      this.alert = made("p", { role: "alert" });
      this.body = made("main");
      this.dialog = made("dialog", {}, made("header", {}, title, exit), this.alert, this.body);
      this.dialog.setAttribute("aria-labelledby", "title");
      this.dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        this._close("exit");
      });
      root.append(this.dialog);
      document.body.append(this.host);
    }

    _title() {
      const company = this.options.companyName;
      return company ? `Connect an account for ${company}` : "Connect an account";
    }

    _close(reason) {
      if (!this.host) return;
      this.dialog.close();
      this.host.remove();
      this.host = null;
      this._event("CLOSED");
      this._tell("onClose", { reason });
    }

    _show(...elements) {
      this.alert.textContent = "";
      this.body.replaceChildren(...elements);
      this.body.querySelector("input, button")?.focus();
    }

    // The list of providers

    async _list() {
      const [providers, accounts] = await Promise.all([this._call("GET", "/providers"), this._call("GET", "/accounts")]);
      this.providers = this._offered(providers);
      const search = made("input", { type: "search" });
      search.addEventListener("input", () => this._fill(search.value));
      const found = [];
      if (accounts.some((account) => account.status === "CONNECTED")) found.push(this._connected(accounts));
      if (this.options.enableSearchBar) found.push(made("label", {}, "Search", search));
      if (this.options.enableTypeBar) found.push(this._types(search));
      this.choices = made("ul", { ariaLabel: "Providers" });
      found.push(this.choices);
      if (this.options.enableUpload) found.push(this._upload());
      this._show(...found);
      this._fill("");
    }

    _offered(providers) {
      const { providers: only = [], topProviders: top = [] } = this.options;
      const place = (one) => (top.includes(one.id) ? top.indexOf(one.id) : top.length);
      return providers
        .filter((one) => !only.length || only.includes(one.id))
        .sort((one, other) => place(one) - place(other));
    }

    _types(search) {
      const labels = new Map([["", "All"], ...this.providers.map((one) => [one.type, one.typeLabel])]);
      const bar = made("div", { role: "group", ariaLabel: "Kinds of providers" });
      for (const [type, label] of labels) {
        const button = made("button", { type: "button", textContent: label, ariaPressed: String(type === this.type) });
        button.addEventListener("click", () => {
          this.type = type;
          for (const other of bar.children) other.ariaPressed = String(other === button);
          this._fill(search.value);
        });
        bar.append(button);
      }
      return bar;
    }

    _fill(text) {
      const wanted = text.trim().toLowerCase();
      const fits = (one) => `${one.name} ${one.longName}`.toLowerCase().includes(wanted);
      const shown = this.providers.filter((one) => fits(one) && (!this.type || one.type === this.type));
      this.choices.replaceChildren(...shown.map((one) => {
        const button = made("button", { type: "button", textContent: `${one.name}, ${one.longName}` });
        button.dataset.provider = one.id;
        button.addEventListener("click", () => this._login(one));
        return made("li", {}, button);
      }));
    }

    _connected(accounts) {
      const list = made("ul", { ariaLabel: "Connected accounts" });
      for (const account of accounts.filter((one) => one.status === "CONNECTED")) {
        const button = made("button", { type: "button", textContent: "Disconnect" });
        button.ariaLabel = `Disconnect ${account.providerId}`;
        button.addEventListener("click", () => this._remove(account));
        list.append(made("li", {}, made("span", { textContent: account.providerId }), button));
      }
      return list;
    }

    _upload() {
      const input = made("input", { type: "file", multiple: true });
      const list = made("ul", { ariaLabel: "Uploaded documents" });
      input.addEventListener("change", () => {
        const uploads = [...input.files].map((file) => ({ uploadId: crypto.randomUUID(), fileName: file.name }));
        list.append(...uploads.map((upload) => this._uploaded(upload)));
        this._tell("onUploadsCreated", { uploads, userId: this.userId });
      });
      return made("div", {}, made("label", {}, "Or upload documents", input), list);
    }

    _uploaded(upload) {
      const button = made("button", { type: "button", textContent: "Remove", ariaLabel: `Remove ${upload.fileName}` });
      const line = made("li", {}, made("span", { textContent: upload.fileName }), button);
      button.addEventListener("click", () => {
        line.remove();
        this._tell("onUploadsRemoved", { uploads: [upload], userId: this.userId });
      });
      return line;
    }

    // One account

    _login(provider) {
      const login = made("input", { name: "login", required: true, autocomplete: "username" });
      const password = made("input", { name: "password", type: "password", required: true, autocomplete: "current-password" });
      const fields = [made("label", {}, "User name", login), made("label", {}, "Password", password)];
      this._form(`Log in to ${provider.name}`, fields, "Connect", async () => {
        const sent = { providerId: provider.id, login: login.value, password: password.value };
        const account = await this._call("POST", "/accounts", sent);
        this._tell("onAccountCreated", this._about(account));
        if (account.status === "ERROR") this._failed(account);
        else this._code(account);
      });
    }

    _code(account) {
      const code = made("input", { name: "code", required: true, inputMode: "numeric", autocomplete: "one-time-code" });
      this._form("Enter the code that was sent to you", [made("label", {}, "Code", code)], "Confirm", async () => {
        const done = await this._call("POST", `/accounts/${account.accountId}/code`, { code: code.value });
        if (done.status === "ERROR") this._failed(done);
        else await this._done(done);
      });
    }

    _form(heading, fields, action, submit) {
      const form = made("form", {}, ...fields, made("button", { className: "main", textContent: action }));
      const back = made("button", { type: "button", textContent: "Back" });
      back.addEventListener("click", () => this._list());
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        try {
          await submit();
        } catch (error) {
          this.alert.textContent = "This did not work. Try again.";
        }
      });
      this._show(made("h3", { textContent: heading }), form, back);
    }

    _failed(account) {
      this._tell("onAccountError", { ...this._about(account), errorCode: account.errorCode });
      this.alert.textContent = WRONG[account.errorCode] || "The account could not be connected.";
    }

    async _done(account) {
      this._tell("onAccountConnected", this._about(account));
      await this._list();
    }

    async _remove(account) {
      await this._call("DELETE", `/accounts/${account.accountId}`);
      this._tell("onAccountRemoved", this._about(account));
      await this._list();
    }

    // The link API

    async _start() {
      const opened = await this._post("/sessions", { token: this.token });
      if (opened.ok) return this._opened(await opened.json());
      const fresh = await this._tell("onTokenExpired");
      if (!fresh) throw new Error("the link token has expired");
      this.token = fresh;
      const again = await this._post("/sessions", { token: this.token });
      if (!again.ok) throw new Error("the link token has expired");
      return this._opened(await again.json());
    }

    _opened({ session, userId }) {
      this.session = session;
      this.userId = userId;
    }

    _post(path, sent) {
      return fetch(this.options.apiHost + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(sent),
      });
    }

    async _call(method, path, sent) {
      const answer = await fetch(this.options.apiHost + path, {
        method,
        headers: { authorization: `Bearer ${this.session}`, "content-type": "application/json" },
        body: sent ? JSON.stringify(sent) : undefined,
      });
      if (!answer.ok) throw new Error(`the link API answered ${answer.status}`);
      return answer.json();
    }

    _about({ accountId, userId, providerId }) {
      return { accountId, userId, providerId };
    }

    _event(eventName) {
      this._tell("onUIEvent", { eventName, eventTime: new Date().toISOString(), mode: "sandbox", userId: this.userId });
    }

    _tell(callback, value) {
      return this.options[callback]?.(value);
    }
  }

  window.SmileLinkModal = SmileLinkModal;
})();

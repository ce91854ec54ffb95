SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.applicants (
    caller text NOT NULL COLLATE pg_catalog."C",
    reference text NOT NULL COLLATE pg_catalog."C",
    user_id text COLLATE pg_catalog."C",
    begun bigint NOT NULL,
    claimed_until bigint NOT NULL
);
CREATE TABLE public.arm_decisions (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    product text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    arm text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    hashed boolean NOT NULL,
    pins boolean NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    refer_kind text COLLATE pg_catalog."C",
    rule_error boolean NOT NULL,
    approved bigint,
    created bigint NOT NULL,
    tier text COLLATE pg_catalog."C",
    granted bigint
);
CREATE TABLE public.arm_hours (
    product text NOT NULL COLLATE pg_catalog."C",
    hour bigint NOT NULL,
    "position" bigint NOT NULL,
    arm text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    counted text NOT NULL COLLATE pg_catalog."C",
    bucket text NOT NULL COLLATE pg_catalog."C",
    process text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);
CREATE TABLE public.consents (
    user_id text NOT NULL COLLATE pg_catalog."C",
    epoch bigint NOT NULL,
    key bytea,
    wrapped_by bytea
);
CREATE TABLE public.decisions (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    caller text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    content bytea NOT NULL,
    user_id text NOT NULL COLLATE pg_catalog."C",
    product text NOT NULL COLLATE pg_catalog."C",
    application_id text NOT NULL COLLATE pg_catalog."C",
    customer_ref text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    reply bytea NOT NULL,
    facts bytea NOT NULL,
    ruleset_digest text COLLATE pg_catalog."C",
    plan_digest text COLLATE pg_catalog."C",
    snapshot_id text COLLATE pg_catalog."C",
    counts_until bigint DEFAULT '0'::bigint NOT NULL,
    lent boolean DEFAULT false NOT NULL
)
WITH (toast_tuple_target='4080');
ALTER TABLE ONLY public.decisions ALTER COLUMN reply SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.decisions ALTER COLUMN facts SET STORAGE EXTERNAL;
CREATE TABLE public.ended_incomes (
    user_id text NOT NULL COLLATE pg_catalog."C",
    key bytea NOT NULL,
    body bytea NOT NULL,
    until bigint NOT NULL,
    wrapped_by bytea
);
CREATE TABLE public.erasures (
    erasure_id text NOT NULL COLLATE pg_catalog."C",
    user_id text COLLATE pg_catalog."C"
);
CREATE TABLE public.event_deliveries (
    subscription text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    decision_id text COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    attempts bigint NOT NULL,
    due bigint NOT NULL,
    dead boolean NOT NULL
);
CREATE TABLE public.event_places (
    subscription text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL
);
CREATE TABLE public.event_stores (
    server text NOT NULL COLLATE pg_catalog."C",
    store_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.events (
    event_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    kinds text NOT NULL COLLATE pg_catalog."C",
    received bigint NOT NULL,
    done boolean NOT NULL,
    added bigint NOT NULL,
    since bigint,
    due bigint
);
CREATE TABLE public.events_out (
    sequence bigint NOT NULL,
    event_id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    made bigint NOT NULL,
    caller text NOT NULL COLLATE pg_catalog."C",
    decision_id text COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C"
);
CREATE SEQUENCE public.events_out_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_out_sequence_seq OWNED BY public.events_out.sequence;
CREATE TABLE public.history (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    caller text NOT NULL COLLATE pg_catalog."C",
    customer_ref text NOT NULL COLLATE pg_catalog."C",
    product text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    approved bigint,
    instalment bigint,
    expires bigint,
    found_by bytea NOT NULL,
    outstanding bigint,
    due bigint,
    open_loans bigint,
    overdue_loans bigint,
    repaid_loans bigint,
    drawn bigint,
    reviewed bigint,
    replaced boolean
);
CREATE TABLE public.history_keys (
    key bytea NOT NULL,
    number bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.known_counts (
    user_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    newest bigint
);
CREATE UNLOGGED TABLE public.leases (
    caller text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    fence text NOT NULL COLLATE pg_catalog."C",
    backend integer NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE TABLE public.link_tokens (
    digest text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    expires bigint NOT NULL,
    renewals bigint NOT NULL,
    original text COLLATE pg_catalog."C"
);
CREATE TABLE public.loan_outcomes (
    caller text NOT NULL COLLATE pg_catalog."C",
    loan_id text NOT NULL COLLATE pg_catalog."C",
    as_of text NOT NULL COLLATE pg_catalog."C",
    decision_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    currency text COLLATE pg_catalog."C",
    disbursed bigint,
    disbursed_on text COLLATE pg_catalog."C",
    instalment bigint,
    repaid bigint,
    overdue_days bigint NOT NULL,
    reported bigint NOT NULL,
    replaces text COLLATE pg_catalog."C"
);
CREATE TABLE public.notices (
    notice_id text NOT NULL COLLATE pg_catalog."C",
    decision_id text NOT NULL COLLATE pg_catalog."C",
    caller text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    language text NOT NULL COLLATE pg_catalog."C",
    template_digest text NOT NULL COLLATE pg_catalog."C",
    letter bytea NOT NULL,
    made bigint NOT NULL,
    made_by text NOT NULL COLLATE pg_catalog."C",
    sent bigint,
    channel text COLLATE pg_catalog."C",
    sent_by text COLLATE pg_catalog."C",
    review_id text COLLATE pg_catalog."C"
);
CREATE UNLOGGED TABLE public.processes (
    process text NOT NULL COLLATE pg_catalog."C",
    rules text NOT NULL COLLATE pg_catalog."C",
    seen timestamp with time zone NOT NULL
);
CREATE TABLE public.review_events (
    review_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    body bytea NOT NULL
);
CREATE TABLE public.reviews (
    review_id text NOT NULL COLLATE pg_catalog."C",
    decision_id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    product text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    kind text COLLATE pg_catalog."C",
    tags text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    opened bigint NOT NULL,
    due bigint NOT NULL,
    claimed_until bigint,
    overridden boolean NOT NULL,
    body bytea NOT NULL,
    charged_at bigint,
    tier text COLLATE pg_catalog."C",
    approvals bigint,
    granted bigint
);
CREATE TABLE public.rollout_journal (
    product text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    at bigint NOT NULL,
    who text NOT NULL COLLATE pg_catalog."C",
    why text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    state_before text COLLATE pg_catalog."C",
    state_after text NOT NULL COLLATE pg_catalog."C",
    plan_digest text NOT NULL COLLATE pg_catalog."C",
    figures text NOT NULL COLLATE pg_catalog."C",
    ticket text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.shadow_results (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    product text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    standing text NOT NULL COLLATE pg_catalog."C",
    live_outcome text NOT NULL COLLATE pg_catalog."C",
    live_kind text COLLATE pg_catalog."C",
    live_amount bigint,
    outcome text COLLATE pg_catalog."C",
    kind text COLLATE pg_catalog."C",
    amount bigint,
    moved text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.snapshots (
    user_id text NOT NULL COLLATE pg_catalog."C",
    snapshot_id text NOT NULL COLLATE pg_catalog."C",
    body bytea NOT NULL,
    stored bigint NOT NULL
);
ALTER TABLE ONLY public.snapshots ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE public.texts (
    digest text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    body bytea NOT NULL
);
ALTER TABLE ONLY public.texts ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE public.warm (
    user_id text NOT NULL COLLATE pg_catalog."C",
    snapshot_id text COLLATE pg_catalog."C",
    fetched bigint NOT NULL,
    looked bigint NOT NULL,
    plan bytea NOT NULL,
    quarantined bigint NOT NULL,
    oldest bigint NOT NULL
);
ALTER TABLE ONLY public.events_out ALTER COLUMN sequence SET DEFAULT 
CASE
    WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('public.events_out_sequence_seq'::regclass)
    ELSE NULL::bigint
END;
INSERT INTO public.alembic_version VALUES ('0031');
INSERT INTO public.applicants VALUES ('crm', 'CRM-user-ben', 'user-ben', 1795521600123456, 0);
INSERT INTO public.applicants VALUES ('crm', 'CRM-user-ana', 'user-ana', 1795521600123456, 0);
INSERT INTO public.arm_decisions VALUES ('dec_00000000000000000000000002', 'personal-loan-ph', 'user-ben', 'champion', 1, true, true, 'DECLINE', NULL, false, NULL, 1795608000123456, 'T1', 500);
INSERT INTO public.arm_decisions VALUES ('dec_00000000000000000000000004', 'personal-loan-ph', 'user-ana', 'champion', 1, true, true, 'DECLINE', NULL, false, NULL, 1795608000123456, 'T1', 500);
INSERT INTO public.consents VALUES ('user-ben', 1, '\xa53fbe528070bd47528acd56719e085109c722466a906c8ce9a34cb79889072f', NULL);
INSERT INTO public.consents VALUES ('user-ana', 1, '\xd59a344818bc530fbfd5391ff64e28305545a8f2bca2ab75eb7a9b1442606090', NULL);
INSERT INTO public.decisions VALUES ('dec_00000000000000000000000001', 'los', 'request-1', '\x0101010101010101010101010101010101010101010101010101010101010101', 'user-ben', 'personal-loan-ph', 'APP-user-ben-1', 'C-user-ben', 'DECLINE', 1795521600123456, '\x0a8b020a1e6465635f30303030303030303030303030303030303030303030303030311209726571756573742d312a08757365722d62656e3210706572736f6e616c2d6c6f616e2d706838034a4b0a044f5745441210546f6f206d756368206973206f7765642210686973746f72792e6578706f737572652a0ae282b1203737372e3030320f73636f72652061626f7665203632303a0231325a180a0973746162696c69747912033236301a033330302201449201150a06706f6c696379220b7365637265745f72756c65a2010b08c0f895d806108094ef3ac201160a0b7365637265745f6c697374120570686f6e651801d201097468696e5f66696c65da010d7365637265745f7369676e616c', '\xde0008a7696e7374616e74d7ff1d6f28006b057c40a47a6f6e65ab417369612f4d616e696c61aa61737369676e6d656e7486a7726f6c6c6f7574a170a8656e726f6c6c6564c3b0656e726f6c6d656e745f726561736f6ea8494e5f5354414745ab706c616e5f646967657374d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963a57374616765a3616c6ca770657263656e74ce000186a0a6696e7075747382b07265717565737465645f616d6f756e7493a16da3504850a732303030303030a7707572706f736592a174a472656e74a36f776e82a7686973746f72799ea3504850940000000094000000009400000000c0ce00012f8400c00000000000c0a57265757365960101c0c39001ad7769746868656c645f7461677391ad7365637265745f7369676e616ca7616e73776572739195ab7365637265745f6c697374a570686f6e65c3d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963c0ae7061636b65645f666163746f7273c4b478da9b3279ca868ccce292fca24abdd48a82fce2d2a2d4c90b73170778042c353737373098d0b1bc283539bf28a59861695a665171c981253989407279467e5166557ede81a5e9458929a9071697e4174c585e9c5f5a949c5a3c61695e7e09909ab236332f393f37552f2711c82d811abcdcd0c8d8c414d9684682464f5c013149d700c38e6d45a9a5c5a97a405c541c9f9f169f989c9c5f9a57326961e642438a5cdf30e1fa7fd97c0d866cd61a0700c1998691', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'snap_094ad93f19f901f209de96439e8a653d5f50677c', 1795521600123456, false);
INSERT INTO public.decisions VALUES ('dec_00000000000000000000000002', 'los', 'request-2', '\x0101010101010101010101010101010101010101010101010101010101010101', 'user-ben', 'personal-loan-ph', 'APP-user-ben-2', 'C-user-ben', 'DECLINE', 1795608000123456, '\x0a8b020a1e6465635f30303030303030303030303030303030303030303030303030321209726571756573742d322a08757365722d62656e3210706572736f6e616c2d6c6f616e2d706838034a4b0a044f5745441210546f6f206d756368206973206f7765642210686973746f72792e6578706f737572652a0ae282b1203737372e3030320f73636f72652061626f7665203632303a0231325a180a0973746162696c69747912033236301a033330302201449201150a06706f6c696379220b7365637265745f72756c65a2010b08c0f895d806108094ef3ac201160a0b7365637265745f6c697374120570686f6e651801d201097468696e5f66696c65da010d7365637265745f7369676e616c', '\xde0008a7696e7374616e74d7ff1d6f28006b057c40a47a6f6e65ab417369612f4d616e696c61aa61737369676e6d656e7486a7726f6c6c6f7574a170a8656e726f6c6c6564c3b0656e726f6c6d656e745f726561736f6ea8494e5f5354414745ab706c616e5f646967657374d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963a57374616765a3616c6ca770657263656e74ce000186a0a6696e7075747382b07265717565737465645f616d6f756e7493a16da3504850a732303030303030a7707572706f736592a174a472656e74a36f776e82a7686973746f72799ea3504850940000000094000000009400000000c0ce00012f8400c00000000000c0a57265757365960101c0c39001ad7769746868656c645f7461677391ad7365637265745f7369676e616ca7616e73776572739195ab7365637265745f6c697374a570686f6e65c3d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963c0ae7061636b65645f666163746f7273c4b478da9b3279ca868ccce292fca24abdd48a82fce2d2a2d4c90b73170778042c353737373098d0b1bc283539bf28a59861695a665171c981253989407279467e5166557ede81a5e9458929a9071697e4174c585e9c5f5a949c5a3c61695e7e09909ab236332f393f37552f2711c82d811abcdcd0c8d8c414d9684682464f5c013149d700c38e6d45a9a5c5a97a405c541c9f9f169f989c9c5f9a57326961e642438a5cdf30e1fa7fd97c0d866cd61a0700c1998691', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'snap_094ad93f19f901f209de96439e8a653d5f50677c', 4611686018427387904, true);
INSERT INTO public.decisions VALUES ('dec_00000000000000000000000003', 'los', 'request-3', '\x0101010101010101010101010101010101010101010101010101010101010101', 'user-ana', 'personal-loan-ph', 'APP-user-ana-3', 'C-user-ana', 'DECLINE', 1795521600123456, '\x0a8b020a1e6465635f30303030303030303030303030303030303030303030303030331209726571756573742d332a08757365722d616e613210706572736f6e616c2d6c6f616e2d706838034a4b0a044f5745441210546f6f206d756368206973206f7765642210686973746f72792e6578706f737572652a0ae282b1203737372e3030320f73636f72652061626f7665203632303a0231325a180a0973746162696c69747912033236301a033330302201449201150a06706f6c696379220b7365637265745f72756c65a2010b08c0f895d806108094ef3ac201160a0b7365637265745f6c697374120570686f6e651801d201097468696e5f66696c65da010d7365637265745f7369676e616c', '\xde0008a7696e7374616e74d7ff1d6f28006b057c40a47a6f6e65ab417369612f4d616e696c61aa61737369676e6d656e7486a7726f6c6c6f7574a170a8656e726f6c6c6564c3b0656e726f6c6d656e745f726561736f6ea8494e5f5354414745ab706c616e5f646967657374d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963a57374616765a3616c6ca770657263656e74ce000186a0a6696e7075747382b07265717565737465645f616d6f756e7493a16da3504850a732303030303030a7707572706f736592a174a472656e74a36f776e82a7686973746f72799ea3504850940000000094000000009400000000c0ce00012f8400c00000000000c0a57265757365960101c0c39001ad7769746868656c645f7461677391ad7365637265745f7369676e616ca7616e73776572739195ab7365637265745f6c697374a570686f6e65c3d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963c0ae7061636b65645f666163746f7273c4b478da9b3279ca868ccce292fca24abdd48a82fce2d2a2d4c90b73170778042c353737373098d0b1bc283539bf28a59861695a665171c981253989407279467e5166557ede81a5e9458929a9071697e4174c585e9c5f5a949c5a3c61695e7e09909ab236332f393f37552f2711c82d811abcdcd0c8d8c414d9684682464f5c013149d700c38e6d45a9a5c5a97a405c541c9f9f169f989c9c5f9a57326961e642438a5cdf30e1fa7fd97c0d866cd61a0700c1998691', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'snap_1532b9e05154b466c8e9d91634720723cf14ea46', 1795521600123456, false);
INSERT INTO public.decisions VALUES ('dec_00000000000000000000000004', 'los', 'request-4', '\x0101010101010101010101010101010101010101010101010101010101010101', 'user-ana', 'personal-loan-ph', 'APP-user-ana-4', 'C-user-ana', 'DECLINE', 1795608000123456, '\x0a8b020a1e6465635f30303030303030303030303030303030303030303030303030341209726571756573742d342a08757365722d616e613210706572736f6e616c2d6c6f616e2d706838034a4b0a044f5745441210546f6f206d756368206973206f7765642210686973746f72792e6578706f737572652a0ae282b1203737372e3030320f73636f72652061626f7665203632303a0231325a180a0973746162696c69747912033236301a033330302201449201150a06706f6c696379220b7365637265745f72756c65a2010b08c0f895d806108094ef3ac201160a0b7365637265745f6c697374120570686f6e651801d201097468696e5f66696c65da010d7365637265745f7369676e616c', '\xde0008a7696e7374616e74d7ff1d6f28006b057c40a47a6f6e65ab417369612f4d616e696c61aa61737369676e6d656e7486a7726f6c6c6f7574a170a8656e726f6c6c6564c3b0656e726f6c6d656e745f726561736f6ea8494e5f5354414745ab706c616e5f646967657374d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963a57374616765a3616c6ca770657263656e74ce000186a0a6696e7075747382b07265717565737465645f616d6f756e7493a16da3504850a732303030303030a7707572706f736592a174a472656e74a36f776e82a7686973746f72799ea3504850940000000094000000009400000000c0ce00012f8400c00000000000c0a57265757365960201c0c39001ad7769746868656c645f7461677391ad7365637265745f7369676e616ca7616e73776572739195ab7365637265745f6c697374a570686f6e65c3d94039633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963396339633963c0ae7061636b65645f666163746f7273c4b478da9b3279ca868ccce292fca24abdd48a82fce2d2a2d4c90b73170778042c353737373098d0b1bc283539bf28a59861695a665171c981253989407279467e5166557ede81a5e9458929a9071697e4174c585e9c5f5a949c5a3c61695e7e09909ab236332f393f37552f2711c82d811abcdcd0c8d8c414d9684682464f5c013149d700c38e6d45a9a5c5a97a405c541c9f9f169f989c9c5f9a57326961e642238a5cdf30e1fa7fd97c0d866cd61a0700c1e38692', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'snap_1532b9e05154b466c8e9d91634720723cf14ea46', 4611686018427387904, true);
INSERT INTO public.ended_incomes VALUES ('user-ben', '\x13f7b4b07a8ebb543a287f35f918adb4807e01984cf82b5243692cc8bd02d66a', '\x400d401c8a1f424bfdb04ba6cac3c6544f20288b74c4075cabea83736bd7191e6fb05e50ed3f35921cac77668fdffe2e35b1caf5979b10092b8d78de', 1830081600123456, NULL);
INSERT INTO public.ended_incomes VALUES ('user-ana', '\x5e1f9b6c302a3c408fa197a31371318c69627ae669eeea8d793e442c18cdac52', '\x287ad8aff5c9829a8cfee29b3d368135e5478d6c25da903de1b9bd40247efbe8b7cff91a62beaa595293c6b82d3d157ee4b6981366734925cc88995a', 1830081600123456, NULL);
INSERT INTO public.erasures VALUES ('8deb4f706c02ba28a9d89cba78eff51c', 'user-ben');
INSERT INTO public.erasures VALUES ('c6a8cd5449ca6819f1bda74b3f0166a4', 'user-ana');
INSERT INTO public.event_deliveries VALUES ('los', 1, 'dec_00000000000000000000000001', 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 2, NULL, 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 3, 'dec_00000000000000000000000002', 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 4, 'dec_00000000000000000000000002', 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 5, 'dec_00000000000000000000000002', 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 6, 'dec_00000000000000000000000002', 'user-ben', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 7, 'dec_00000000000000000000000003', 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 8, NULL, 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 9, 'dec_00000000000000000000000004', 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 10, 'dec_00000000000000000000000004', 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 11, 'dec_00000000000000000000000004', 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_deliveries VALUES ('los', 12, 'dec_00000000000000000000000004', 'user-ana', 0, 1795521600123456, false);
INSERT INTO public.event_places VALUES ('los', 12);
INSERT INTO public.event_stores VALUES ('7714772154191163952/16617', '7a37aa191b5bfe65');
INSERT INTO public.events VALUES ('et-user-ben', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'EINCOMES_ADDED', 'user-ben', 'a-shared', 'eincomes', 1795521600123456, false, 0, 1795521600123456, 1795521600123456);
INSERT INTO public.events VALUES ('et-user-ana', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', 'EINCOMES_ADDED', 'user-ana', 'a-shared', 'eincomes', 1795521600123456, false, 0, 1795521600123456, 1795521600123456);
INSERT INTO public.events_out VALUES (1, 'evt_dec_00000000000000000000000001', 'decision.recorded', 1795521600123456, 'los', 'dec_00000000000000000000000001', '{"replaces":""}');
INSERT INTO public.events_out VALUES (2, 'evt_7de37cff6c4930c6ea408aec40', 'applicant.erased', 1796235367766404, 'los', NULL, '{"user_id":"user-ben"}');
INSERT INTO public.events_out VALUES (3, 'evt_dec_00000000000000000000000002', 'decision.recorded', 1795608000123456, 'los', 'dec_00000000000000000000000002', '{"replaces":""}');
INSERT INTO public.events_out VALUES (4, 'evt_3eddb22c1ed07c3d598221cc2f', 'loan.overdrawn', 1795521600123456, 'los', 'dec_00000000000000000000000002', '{}');
INSERT INTO public.events_out VALUES (5, 'evt_94cf601f8f2ac6182b44ee2f66', 'letter.made', 1795521600123456, 'los', 'dec_00000000000000000000000002', '{"letter_id":"dec_00000000000000000000000002/adverse_action/fil","kind":"ADVERSE_ACTION"}');
INSERT INTO public.events_out VALUES (6, 'evt_cce4c531ed26b7a0b8b3b8acef', 'review.opened', 1795608000123456, 'los', 'dec_00000000000000000000000002', '{"review_id":"rev_00000000000000000000000002-1","outcome":"DECLINE","kind":"CONTESTED"}');
INSERT INTO public.events_out VALUES (7, 'evt_dec_00000000000000000000000003', 'decision.recorded', 1795521600123456, 'los', 'dec_00000000000000000000000003', '{"replaces":""}');
INSERT INTO public.events_out VALUES (8, 'evt_c7eeff9aafa55fb69cfff27965', 'applicant.erased', 1796235367987071, 'los', NULL, '{"user_id":"user-ana"}');
INSERT INTO public.events_out VALUES (9, 'evt_dec_00000000000000000000000004', 'decision.recorded', 1795608000123456, 'los', 'dec_00000000000000000000000004', '{"replaces":""}');
INSERT INTO public.events_out VALUES (10, 'evt_93d8beab1ec2ea10a99019f28d', 'loan.overdrawn', 1795521600123456, 'los', 'dec_00000000000000000000000004', '{}');
INSERT INTO public.events_out VALUES (11, 'evt_b05f40bdf886d2089edd5ba232', 'letter.made', 1795521600123456, 'los', 'dec_00000000000000000000000004', '{"letter_id":"dec_00000000000000000000000004/adverse_action/fil","kind":"ADVERSE_ACTION"}');
INSERT INTO public.events_out VALUES (12, 'evt_f7e577c8937e8fbf461bd88bf4', 'review.opened', 1795608000123456, 'los', 'dec_00000000000000000000000004', '{"review_id":"rev_00000000000000000000000004-1","outcome":"DECLINE","kind":"CONTESTED"}');
INSERT INTO public.events_out VALUES (13, 'evt_61578266a790388658cb49c64a', 'rollout.stepped', 1795521600123456, '', NULL, '{"product":"personal-loan-ph","position":1,"kind":"begin"}');
INSERT INTO public.events_out VALUES (14, 'evt_42f93f4bbfcbec02d97c692ce8', 'rollout.stepped', 1795521600123457, '', NULL, '{"product":"personal-loan-ph","position":2,"kind":"pause"}');
INSERT INTO public.history VALUES ('dec_00000000000000000000000002', 'user-ben', 'los', 'C-user-ben', 'personal-loan-ph', 'DECLINE', 1795608000123456, 'PHP', 5000000, 945650, 1796731200123456, '\x1541063d657c853e5658895c9712cb42c72fd3eb5b2b1143cd5f1bfe6c08a4e18bc34becbcae528a1550063d657ca445321595fc085da89a8387f2adc52f1155f86d7deb306ae411d8f9c60f1674ce26', 4999900, 945650, 1, 0, 0, 5000000, NULL, NULL);
INSERT INTO public.history VALUES ('dec_00000000000000000000000004', 'user-ana', 'los', 'C-user-ana', 'personal-loan-ph', 'DECLINE', 1795608000123456, 'PHP', 5000000, 945650, 1796731200123456, '\x1541063d657c853e5658895c9712cb42c72fd3eb5b2b11437701dd2f3b1e76e8babfacc12b6460471550063d657cf8dd9650ba03eea27c4e7d4605120e911155dab5869d0730598cbf5743a6997b61001155f86d7deb306ae411d8f9c60f1674ce26', 4999900, 945650, 1, 0, 0, 5000000, NULL, NULL);
INSERT INTO public.history_keys VALUES ('\x41063d657c853e5658895c9712cb42c72fd3eb5b2b', 1, 'dec_00000000000000000000000002');
INSERT INTO public.history_keys VALUES ('\x43cd5f1bfe6c08a4e18bc34becbcae528a', 1, 'dec_00000000000000000000000002');
INSERT INTO public.history_keys VALUES ('\x50063d657ca445321595fc085da89a8387f2adc52f', 1, 'dec_00000000000000000000000002');
INSERT INTO public.history_keys VALUES ('\x55f86d7deb306ae411d8f9c60f1674ce26', 1, 'dec_00000000000000000000000002');
INSERT INTO public.history_keys VALUES ('\x41063d657c853e5658895c9712cb42c72fd3eb5b2b', 2, 'dec_00000000000000000000000004');
INSERT INTO public.history_keys VALUES ('\x437701dd2f3b1e76e8babfacc12b646047', 1, 'dec_00000000000000000000000004');
INSERT INTO public.history_keys VALUES ('\x50063d657cf8dd9650ba03eea27c4e7d4605120e91', 1, 'dec_00000000000000000000000004');
INSERT INTO public.history_keys VALUES ('\x55dab5869d0730598cbf5743a6997b6100', 1, 'dec_00000000000000000000000004');
INSERT INTO public.history_keys VALUES ('\x55f86d7deb306ae411d8f9c60f1674ce26', 2, 'dec_00000000000000000000000004');
INSERT INTO public.known_counts VALUES ('user-ben', 'a-shared', 'eincomes', 3, 24322);
INSERT INTO public.known_counts VALUES ('user-ben', 'a-shared', 'identities', 1, NULL);
INSERT INTO public.known_counts VALUES ('user-ana', 'a-shared', 'eincomes', 3, 24322);
INSERT INTO public.known_counts VALUES ('user-ana', 'a-shared', 'identities', 1, NULL);
INSERT INTO public.link_tokens VALUES ('digest-user-ben', 'user-ben', 1795608000123456, 0, NULL);
INSERT INTO public.link_tokens VALUES ('digest-user-ana', 'user-ana', 1795608000123456, 0, NULL);
INSERT INTO public.loan_outcomes VALUES ('los', 'LN-user-ben', '2026-12-01', 'dec_00000000000000000000000002', 'BOOKED', 'PHP', 5000000, '2026-11-25', 945650, 100, 0, 1795521600123456, NULL);
INSERT INTO public.loan_outcomes VALUES ('los', 'LN-user-ana', '2026-12-01', 'dec_00000000000000000000000004', 'BOOKED', 'PHP', 5000000, '2026-11-25', 945650, 100, 0, 1795521600123456, NULL);
INSERT INTO public.notices VALUES ('dec_00000000000000000000000002/adverse_action/fil', 'dec_00000000000000000000000002', 'los', 'adverse_action', 'fil', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\x7b226b696e64223a22616476657273655f616374696f6e222c226c616e6775616765223a2266696c222c227469746c65223a2250616d61676174222c226c656e646572223a2253616d706c65204c656e64696e6720496e632e222c226f70656e696e67223a2248696e6469206e616d696e206d616170726f626168616e2e222c227061727473223a5b7b2268656164696e67223a2242616b6974222c226c696e6573223a5b226c696e7961225d2c226974656d73223a5b22646168696c616e225d7d5d2c22636c6f73696e67223a22227d', 1795521600123456, 'staff-maria', 1795608000123456, 'email', 'staff-maria', NULL);
INSERT INTO public.notices VALUES ('dec_00000000000000000000000004/adverse_action/fil', 'dec_00000000000000000000000004', 'los', 'adverse_action', 'fil', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\x7b226b696e64223a22616476657273655f616374696f6e222c226c616e6775616765223a2266696c222c227469746c65223a2250616d61676174222c226c656e646572223a2253616d706c65204c656e64696e6720496e632e222c226f70656e696e67223a2248696e6469206e616d696e206d616170726f626168616e2e222c227061727473223a5b7b2268656164696e67223a2242616b6974222c226c696e6573223a5b226c696e7961225d2c226974656d73223a5b22646168696c616e225d7d5d2c22636c6f73696e67223a22227d', 1795521600123456, 'staff-maria', 1795608000123456, 'email', 'staff-maria', NULL);
INSERT INTO public.review_events VALUES ('rev_00000000000000000000000002-1', 1, 'dec_00000000000000000000000002', '\x86a8706f736974696f6e01a26174d7ff1d6f28006b06cdc0a377686fa36c6f73a6616374696f6ea9434f4e544553544544aa726571756573745f6964a3712d31a474657874b44d7920646562747320617265207265706169642e');
INSERT INTO public.review_events VALUES ('rev_00000000000000000000000002-1', 2, 'dec_00000000000000000000000002', '\x86a8706f736974696f6e02a26174d7ff1d6f28006b06cdc0a377686fab73746166662d6d61726961a6616374696f6ea54e4f544544aa726571756573745f6964a36e2d31a474657874ad7365637265745f7369676e616c');
INSERT INTO public.review_events VALUES ('rev_00000000000000000000000004-1', 1, 'dec_00000000000000000000000004', '\x86a8706f736974696f6e01a26174d7ff1d6f28006b06cdc0a377686fa36c6f73a6616374696f6ea9434f4e544553544544aa726571756573745f6964a3712d31a474657874b44d7920646562747320617265207265706169642e');
INSERT INTO public.review_events VALUES ('rev_00000000000000000000000004-1', 2, 'dec_00000000000000000000000004', '\x86a8706f736974696f6e02a26174d7ff1d6f28006b06cdc0a377686fab73746166662d6d61726961a6616374696f6ea54e4f544544aa726571756573745f6964a36e2d31a474657874ad7365637265745f7369676e616c');
INSERT INTO public.reviews VALUES ('rev_00000000000000000000000002-1', 'dec_00000000000000000000000002', 'user-ben', 'personal-loan-ph', 'contest', NULL, '
', 'OPEN', 1795608000123456, 1795867200123456, NULL, false, '\xde000bab6465636973696f6e5f6964be6465635f3030303030303030303030303030303030303030303030303032a663616c6c6572a36c6f73a7757365725f6964a8757365722d62656ea770726f64756374b0706572736f6e616c2d6c6f616e2d7068a76f7574636f6d65a74445434c494e45a97265766965775f6964d9207265765f30303030303030303030303030303030303030303030303030322d31a66f726967696ea9434f4e544553544544a57175657565a7636f6e74657374a66f70656e6564d7ff1d6f28006b06cdc0a3647565d7ff1d6f28006b0ac240a66576656e747302', NULL, NULL, NULL, NULL);
INSERT INTO public.reviews VALUES ('rev_00000000000000000000000004-1', 'dec_00000000000000000000000004', 'user-ana', 'personal-loan-ph', 'contest', NULL, '
', 'OPEN', 1795608000123456, 1795867200123456, NULL, false, '\xde000bab6465636973696f6e5f6964be6465635f3030303030303030303030303030303030303030303030303034a663616c6c6572a36c6f73a7757365725f6964a8757365722d616e61a770726f64756374b0706572736f6e616c2d6c6f616e2d7068a76f7574636f6d65a74445434c494e45a97265766965775f6964d9207265765f30303030303030303030303030303030303030303030303030342d31a66f726967696ea9434f4e544553544544a57175657565a7636f6e74657374a66f70656e6564d7ff1d6f28006b06cdc0a3647565d7ff1d6f28006b0ac240a66576656e747302', NULL, NULL, NULL, NULL);
INSERT INTO public.rollout_journal VALUES ('personal-loan-ph', 1, 1795521600123456, 'service', 'first start', 'begin', NULL, '{"product":"personal-loan-ph","go_live":{"stage":"early","since":"2026-11-24T12:00:00.123456Z","salt":"ñandú ₱","killed":false,"version":null},"challenger":{"stage":null,"since":"2026-11-21T12:00:00.123456Z","salt":null,"killed":true,"version":2},"paused":false,"decided_by":[1,2],"proposed":null}', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', '{}', '');
INSERT INTO public.rollout_journal VALUES ('personal-loan-ph', 2, 1795521600123457, 'guardrail referrals', 'refer_rate 45 % of “240” is above 40 % — ñandú', 'pause', '{"product":"personal-loan-ph","go_live":{"stage":"early","since":"2026-11-24T12:00:00.123456Z","salt":"ñandú ₱","killed":false,"version":null},"challenger":{"stage":null,"since":"2026-11-21T12:00:00.123456Z","salt":null,"killed":true,"version":2},"paused":false,"decided_by":[1,2],"proposed":null}', '{"product":"personal-loan-ph","go_live":{"stage":"early","since":"2026-11-24T12:00:00.123456Z","salt":"ñandú ₱","killed":false,"version":null},"challenger":{"stage":null,"since":"2026-11-21T12:00:00.123456Z","salt":null,"killed":true,"version":2},"paused":true,"decided_by":[1,2],"proposed":null}', '9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c', '{"refer_rate":"0.45","units":"240"}', 'RISK-7');
INSERT INTO public.shadow_results VALUES ('dec_00000000000000000000000002', 3, 'personal-loan-ph', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', 1795521600123456, 'compared', 'APPROVE', NULL, 2000000, 'REFER', 'SCORE', NULL, 'rule score.income
rule score.age
+reason LOW_SCORE');
INSERT INTO public.shadow_results VALUES ('dec_00000000000000000000000004', 3, 'personal-loan-ph', '3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f', 1795521600123456, 'compared', 'APPROVE', NULL, 2000000, 'REFER', 'SCORE', NULL, 'rule score.income
rule score.age
+reason LOW_SCORE');
INSERT INTO public.snapshots VALUES ('user-ben', 'snap_094ad93f19f901f209de96439e8a653d5f50677c', '\x257a9ee1b903186be3888e78bc0c607eac379c50ec9800ac7a96e5d8fad85e1d562e182d7858b4072a40c939cb3351233d99fc60c1c001040cf8f88e76a82a6910ea5822410ecdaf0fa67370be95be0198cf0d057555506e80cb07a5dfc9f3dafe1ecc95b937880b48917dc27a30d08e2ac107444bffbeaee2cd4a9ec31dfc928e5f989e0b79d45a02d2b054587d636dfcf11a285f0b2cf3df29289025b49777378772e6e49aa997d813db1bac66a8bb41d938c73cbe4174d8196a5264527bdc012f4cfbbf491fcdc1955ffdb4d757823a0f125c76ab88c5cea2f801237f9589d86e47c711e9159aeba33cad6dcabc90da5c1860d392a8e87f42fd7b14c48a7fd9111f7707d7fdbc6da33ba634edfdd1de', 1795608000123456);
INSERT INTO public.snapshots VALUES ('user-ana', 'snap_1532b9e05154b466c8e9d91634720723cf14ea46', '\x2b757e4017ffc1f108fd50cd67a671b566c6913db3c835d15debc41197eecdb74ead957c2b0ccef0f8dae57823c5badf07114f1c7c8d4059820d583bd3c2bef21fa0c224a1e3389add92b4fbf8f73d2d0fb6a048fd6163a1ea0c83f7fa7ea609b8ae1956d09429a3d1b3ee8b9a9aa550bba5d5a9382ec3c4fd728765cef443a401a9608165cee659d6194c436714ca977c48954beaff4fdac971c6b06c825c85e52c229ea050fcfc8f712c11e7671e11c8a4e2fb72c863ae484a0b0b89a8288a2d37100c170f24a949eaf3293c710b51cef50b5940c3c40fa4ef24d40c642e006a92a30a24ce80272d6e173d1b096b209ef2886fa322dbab36046562d93fc42a1f1374654a19458c89365345205fbede', 1795608000123456);
INSERT INTO public.warm VALUES ('user-ben', 'snap_094ad93f19f901f209de96439e8a653d5f50677c', 1795608000123456, 1795608000123456, '\x85a56b696e647392ad636f6e747269627574696f6e73a865696e636f6d6573ac7472616e73616374696f6e73ae69665f7374616e64696e675f696eb17472616e73616374696f6e735f66726f6dc0ad7374616e645f696e5f66726f6daa323032362d31312d3234a670656f706c65c2', -1, 1795608000123456);
INSERT INTO public.warm VALUES ('user-ana', 'snap_1532b9e05154b466c8e9d91634720723cf14ea46', 1795608000123456, 1795608000123456, '\x85a56b696e647392ad636f6e747269627574696f6e73a865696e636f6d6573ac7472616e73616374696f6e73ae69665f7374616e64696e675f696eb17472616e73616374696f6e735f66726f6dc0ad7374616e645f696e5f66726f6daa323032362d31312d3234a670656f706c65c2', -1, 1795608000123456);
SELECT pg_catalog.setval('public.events_out_sequence_seq', 14, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.applicants
    ADD CONSTRAINT applicants_pkey PRIMARY KEY (caller, reference);
ALTER TABLE ONLY public.arm_decisions
    ADD CONSTRAINT arm_decisions_pkey PRIMARY KEY (product, created, decision_id);
ALTER TABLE ONLY public.arm_hours
    ADD CONSTRAINT arm_hours_pkey PRIMARY KEY (product, hour, "position", arm, version, counted, bucket, process);
ALTER TABLE ONLY public.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_request UNIQUE (caller, request_id);
ALTER TABLE ONLY public.ended_incomes
    ADD CONSTRAINT ended_incomes_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_pkey PRIMARY KEY (subscription, sequence);
ALTER TABLE ONLY public.event_places
    ADD CONSTRAINT event_places_pkey PRIMARY KEY (subscription);
ALTER TABLE ONLY public.event_stores
    ADD CONSTRAINT event_stores_pkey PRIMARY KEY (server);
ALTER TABLE ONLY public.events_out
    ADD CONSTRAINT events_out_event_id_key UNIQUE (event_id);
ALTER TABLE ONLY public.events_out
    ADD CONSTRAINT events_out_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.history_keys
    ADD CONSTRAINT history_keys_pkey PRIMARY KEY (key, number);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.known_counts
    ADD CONSTRAINT known_counts_pkey PRIMARY KEY (user_id, source, kind);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (caller, request_id);
ALTER TABLE ONLY public.link_tokens
    ADD CONSTRAINT link_tokens_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.loan_outcomes
    ADD CONSTRAINT loan_outcomes_pkey PRIMARY KEY (caller, loan_id, as_of);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (notice_id);
ALTER TABLE ONLY public.processes
    ADD CONSTRAINT processes_pkey PRIMARY KEY (process);
ALTER TABLE ONLY public.review_events
    ADD CONSTRAINT review_events_pkey PRIMARY KEY (review_id, "position");
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (review_id);
ALTER TABLE ONLY public.rollout_journal
    ADD CONSTRAINT rollout_journal_pkey PRIMARY KEY (product, "position");
ALTER TABLE ONLY public.shadow_results
    ADD CONSTRAINT shadow_results_pkey PRIMARY KEY (decision_id, version);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (user_id, snapshot_id);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT texts_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.warm
    ADD CONSTRAINT warm_pkey PRIMARY KEY (user_id);
CREATE INDEX applicants_user_id ON public.applicants USING btree (user_id);
CREATE INDEX arm_decisions_granted ON public.arm_decisions USING btree (product, created, tier, granted) WHERE (granted IS NOT NULL);
CREATE INDEX arm_decisions_pin ON public.arm_decisions USING btree (product, unit, created, decision_id, arm, version) WHERE pins;
CREATE INDEX consents_wrapped_by ON public.consents USING btree (wrapped_by) WHERE (key IS NOT NULL);
CREATE INDEX decisions_application_id ON public.decisions USING btree (application_id, created) WHERE (application_id <> ''::text);
CREATE INDEX decisions_caller ON public.decisions USING btree (caller, created);
CREATE INDEX decisions_counts_until ON public.decisions USING btree (lent, counts_until);
CREATE INDEX decisions_created ON public.decisions USING btree (created);
CREATE INDEX decisions_customer_ref ON public.decisions USING btree (customer_ref, created) WHERE (customer_ref <> ''::text);
CREATE INDEX decisions_outcome ON public.decisions USING btree (outcome, created);
CREATE INDEX decisions_product ON public.decisions USING btree (product, created);
CREATE INDEX decisions_user_id ON public.decisions USING btree (user_id, created);
CREATE INDEX ended_incomes_wrapped_by ON public.ended_incomes USING btree (wrapped_by) WHERE (key IS NOT NULL);
CREATE INDEX event_deliveries_decision_id ON public.event_deliveries USING btree (decision_id);
CREATE INDEX event_deliveries_key ON public.event_deliveries USING btree (subscription, key, sequence);
CREATE INDEX events_out_decision_id ON public.events_out USING btree (decision_id);
CREATE INDEX events_pending ON public.events USING btree (done, received);
CREATE INDEX loan_outcomes_decision_id ON public.loan_outcomes USING btree (decision_id);
CREATE INDEX notices_decision_id ON public.notices USING btree (decision_id);
CREATE INDEX notices_made ON public.notices USING btree (made, notice_id);
CREATE INDEX review_events_decision_id ON public.review_events USING btree (decision_id);
CREATE INDEX reviews_charged ON public.reviews USING btree (product, charged_at, tier, approvals, granted) WHERE (charged_at IS NOT NULL);
CREATE INDEX reviews_decision_id ON public.reviews USING btree (decision_id);
CREATE INDEX reviews_due ON public.reviews USING btree (due, review_id);
CREATE INDEX reviews_overridden ON public.reviews USING btree (product, decision_id) WHERE overridden;
CREATE INDEX reviews_state ON public.reviews USING btree (state, due, review_id);
CREATE INDEX reviews_user_id ON public.reviews USING btree (user_id);
CREATE INDEX shadow_results_created ON public.shadow_results USING btree (product, version, created);

CREATE TABLE public.action (
    id uuid NOT NULL,
    response uuid NOT NULL,
    decision bigint NOT NULL,
    customer uuid NOT NULL,
    name text NOT NULL,
    template text NOT NULL,
    wait text NOT NULL,
    play text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    latest_at timestamp with time zone,
    state character varying(24) NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version text NOT NULL,
    ticket uuid
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_key (
    hash character varying(64) NOT NULL,
    name text NOT NULL,
    scope character varying(16) NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
CREATE SEQUENCE public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;
CREATE TABLE public.boucle_user (
    name text NOT NULL,
    role character varying(16) NOT NULL,
    password_hash text NOT NULL,
    away_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.click (
    id uuid NOT NULL,
    request uuid NOT NULL,
    customer uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    score bigint,
    method text NOT NULL,
    signal text NOT NULL
);
CREATE TABLE public.clock (
    name text NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.consent (
    id uuid NOT NULL,
    testimonial uuid NOT NULL,
    customer uuid NOT NULL,
    given boolean NOT NULL,
    scope text NOT NULL,
    text_version text NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.consumed (
    cluster text NOT NULL,
    topic_id text NOT NULL,
    partition bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL
);
CREATE TABLE public.control (
    name text NOT NULL,
    value text NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL
);
CREATE TABLE public.counter (
    name text NOT NULL,
    value bigint NOT NULL
);
CREATE TABLE public.customer (
    id uuid NOT NULL,
    crm_id text,
    created_at timestamp with time zone NOT NULL,
    email text,
    name text,
    phone text,
    language text,
    time_zone text,
    segment text,
    owner text,
    may_promote boolean,
    changed_at jsonb NOT NULL,
    firsts jsonb NOT NULL,
    rest_until timestamp with time zone,
    opted_out_at timestamp with time zone,
    erased_at timestamp with time zone,
    merged_into uuid
);
CREATE TABLE public.dead_letter (
    id uuid NOT NULL,
    digest text NOT NULL,
    door text NOT NULL,
    topic text,
    partition bigint,
    "offset" bigint,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    fault text NOT NULL,
    reason text NOT NULL,
    source text,
    event_id text,
    subject text,
    state character varying(24) NOT NULL,
    received_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    note text NOT NULL
);
CREATE TABLE public.decision (
    response uuid NOT NULL,
    n bigint NOT NULL,
    customer uuid NOT NULL,
    state character varying(24) NOT NULL,
    outcome character varying(24) NOT NULL,
    rule text NOT NULL,
    "row" bigint,
    version text NOT NULL,
    inputs jsonb NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone
);
CREATE TABLE public.dispatch (
    id uuid NOT NULL,
    customer uuid,
    kind text NOT NULL,
    mail_class character varying(24) NOT NULL,
    template text NOT NULL,
    language text NOT NULL,
    facts jsonb NOT NULL,
    request uuid,
    response uuid,
    action uuid,
    ticket uuid,
    state character varying(24) NOT NULL,
    not_before timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    recipient text NOT NULL,
    message_id text NOT NULL,
    attempt bigint NOT NULL,
    copies bigint NOT NULL,
    lease_until timestamp with time zone,
    changed_at timestamp with time zone,
    accepted_at timestamp with time zone
);
CREATE TABLE public.dispatch_body (
    dispatch uuid NOT NULL,
    body bytea NOT NULL,
    return_path text NOT NULL
);
CREATE TABLE public.history (
    customer uuid NOT NULL,
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    subject text NOT NULL,
    subject_id text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL
);
CREATE TABLE public.inbox (
    source text NOT NULL,
    event_id text NOT NULL,
    customer uuid,
    type text NOT NULL,
    digest text NOT NULL,
    door text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.initiative (
    id bigint NOT NULL,
    theme bigint NOT NULL,
    name text NOT NULL,
    texts jsonb NOT NULL,
    owner text NOT NULL,
    state character varying(16) NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);
CREATE SEQUENCE public.initiative_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.initiative_id_seq OWNED BY public.initiative.id;
CREATE TABLE public.journey (
    id uuid NOT NULL,
    customer uuid NOT NULL,
    trigger text NOT NULL,
    reference text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    event text NOT NULL,
    state text NOT NULL,
    plan_version text NOT NULL,
    began text NOT NULL,
    delivery_expected boolean,
    months bigint
);
CREATE TABLE public.outbox (
    id bigint NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL
);
CREATE SEQUENCE public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;
CREATE TABLE public.received (
    id bigint NOT NULL,
    door text NOT NULL,
    at timestamp with time zone NOT NULL,
    events bigint NOT NULL,
    accepted bigint NOT NULL,
    duplicates bigint NOT NULL,
    dead_letters bigint NOT NULL
);
CREATE SEQUENCE public.received_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.received_id_seq OWNED BY public.received.id;
CREATE TABLE public.report_note (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    text text NOT NULL,
    by text NOT NULL
);
CREATE SEQUENCE public.report_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.report_note_id_seq OWNED BY public.report_note.id;
CREATE TABLE public.response (
    id uuid NOT NULL,
    customer uuid NOT NULL,
    request uuid,
    source text,
    external_id text,
    trigger text NOT NULL,
    touchpoint text NOT NULL,
    reference text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    after_days double precision NOT NULL,
    score bigint NOT NULL,
    band text NOT NULL,
    comment text NOT NULL,
    wants_contact boolean NOT NULL,
    phone text NOT NULL,
    half_day text NOT NULL,
    channel text NOT NULL,
    agent text NOT NULL,
    answered_at timestamp with time zone NOT NULL,
    first_answered_at timestamp with time zone NOT NULL,
    settling_since timestamp with time zone NOT NULL,
    settles_at timestamp with time zone NOT NULL,
    n bigint NOT NULL,
    state character varying(24) NOT NULL,
    previous_band text NOT NULL,
    late boolean NOT NULL,
    improvement text NOT NULL,
    improvement_at timestamp with time zone,
    flag text NOT NULL,
    parent uuid
);
CREATE TABLE public.response_revision (
    response uuid NOT NULL,
    n bigint NOT NULL,
    customer uuid NOT NULL,
    score bigint NOT NULL,
    comment text NOT NULL,
    wants_contact boolean NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.response_theme (
    response uuid NOT NULL,
    theme bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL
);
CREATE TABLE public.role_lease (
    role text NOT NULL,
    holder text NOT NULL,
    until timestamp with time zone NOT NULL
);
CREATE TABLE public.rule_table (
    version character varying(64) NOT NULL,
    name text NOT NULL,
    content text NOT NULL,
    live_from timestamp with time zone NOT NULL
);
CREATE TABLE public.session (
    hash character varying(64) NOT NULL,
    kind character varying(8) NOT NULL,
    "user" text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.shadow (
    id uuid NOT NULL,
    customer uuid NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    version text NOT NULL,
    candidate text NOT NULL,
    rules text NOT NULL,
    candidate_rules text NOT NULL,
    outcome text NOT NULL,
    candidate_outcome text NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.stop (
    id uuid NOT NULL,
    customer uuid NOT NULL,
    cause text NOT NULL,
    effect character varying(24) NOT NULL,
    scope text NOT NULL,
    reference text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    event text NOT NULL
);
CREATE TABLE public.suppression (
    address text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    detail text NOT NULL
);
CREATE TABLE public.survey_request (
    id uuid NOT NULL,
    journey uuid NOT NULL,
    step text NOT NULL,
    customer uuid NOT NULL,
    trigger text NOT NULL,
    reference text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    language text NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    closes_at timestamp with time zone NOT NULL,
    state character varying(24) NOT NULL,
    reason text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    reminded_at timestamp with time zone
);
CREATE TABLE public.testimonial (
    id uuid NOT NULL,
    customer uuid NOT NULL,
    response uuid NOT NULL,
    state character varying(24) NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    language text NOT NULL,
    wording text NOT NULL,
    shown_name text NOT NULL,
    place text NOT NULL,
    scope text NOT NULL
);
CREATE TABLE public.theme (
    id bigint NOT NULL,
    name text NOT NULL,
    kind character varying(16) NOT NULL,
    state character varying(16) NOT NULL,
    impact bigint NOT NULL,
    cost bigint NOT NULL
);
CREATE SEQUENCE public.theme_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.theme_id_seq OWNED BY public.theme.id;
CREATE TABLE public.ticket (
    id uuid NOT NULL,
    number bigint NOT NULL,
    customer uuid NOT NULL,
    response uuid NOT NULL,
    trigger text NOT NULL,
    reference text NOT NULL,
    label text NOT NULL,
    score bigint NOT NULL,
    comment text NOT NULL,
    wants_contact boolean NOT NULL,
    phone text NOT NULL,
    half_day text NOT NULL,
    language text NOT NULL,
    play text NOT NULL,
    owner text NOT NULL,
    team text NOT NULL,
    state character varying(24) NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    resolve_due_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    attempts bigint NOT NULL,
    first_contact_at timestamp with time zone,
    reached_at timestamp with time zone,
    waiting_until timestamp with time zone,
    paused_seconds bigint NOT NULL,
    root_cause text NOT NULL,
    root_cause_text text NOT NULL,
    outcome text NOT NULL,
    sentence text NOT NULL,
    promised_at timestamp with time zone,
    done_at timestamp with time zone,
    reopened bigint NOT NULL,
    escalated_at timestamp with time zone,
    half_time_at timestamp with time zone,
    waiting_since timestamp with time zone,
    kept_at timestamp with time zone
);
CREATE TABLE public.ticket_entry (
    id uuid NOT NULL,
    ticket uuid NOT NULL,
    customer uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    text text NOT NULL,
    source text,
    event_id text,
    version bigint NOT NULL
);
CREATE TABLE public.told (
    initiative bigint NOT NULL,
    customer uuid NOT NULL,
    response uuid NOT NULL,
    dispatch uuid NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.touchpoint (
    journey uuid NOT NULL,
    step text NOT NULL,
    customer uuid NOT NULL,
    trigger text NOT NULL,
    reference text NOT NULL,
    rule text NOT NULL,
    plan_version text NOT NULL,
    template text NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    wake_at timestamp with time zone NOT NULL,
    give_up_at timestamp with time zone NOT NULL,
    if_resting text NOT NULL,
    reminder text NOT NULL,
    state character varying(24) NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    planned_at timestamp with time zone NOT NULL
);
CREATE TABLE public.wave (
    id text NOT NULL,
    at timestamp with time zone NOT NULL,
    cursor text NOT NULL,
    done_at timestamp with time zone
);
ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);
ALTER TABLE ONLY public.initiative ALTER COLUMN id SET DEFAULT nextval('public.initiative_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.received ALTER COLUMN id SET DEFAULT nextval('public.received_id_seq'::regclass);
ALTER TABLE ONLY public.report_note ALTER COLUMN id SET DEFAULT nextval('public.report_note_id_seq'::regclass);
ALTER TABLE ONLY public.theme ALTER COLUMN id SET DEFAULT nextval('public.theme_id_seq'::regclass);
INSERT INTO public.action VALUES ('019cb2f7-f300-8002-a263-e14447529a17', '019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 1, 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'thank_you', 'thanks', 'PT0S', '', '2026-03-03 09:17:00+00', NULL, 'done', '', '', '2026-03-03 09:17:00+00', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', NULL);
INSERT INTO public.action VALUES ('019cb2f7-f300-8046-a2a5-2861f02d7009', '019cb2f7-f300-81e9-91a3-acf181eb6830', 1, '29512e81-dd0c-89e9-9996-724338e3a87f', 'urgent_contact', 'ack', 'PT0S', 'solve', '2026-03-03 09:17:00+00', NULL, 'done', '', '', '2026-03-03 09:17:00+00', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1');
INSERT INTO public.action VALUES ('019cb2f7-f300-8db1-ad24-a6a451b2ad29', '019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 1, 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'testimonial_request', 'testimonial', 'P10D', '', '2026-03-13 09:12:00+00', '2026-03-17 09:12:00+00', 'done', '', '', '2026-03-14 09:17:00+00', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', NULL);
INSERT INTO public.action VALUES ('019cb2fc-86e0-8574-b771-a8d97dbbd540', '019cb2fc-86e0-8457-a000-83ddd6c8f5f7', 1, '97e186db-cfd6-8817-aa60-ebb27c6ffdbc', 'improvement_question', 'improve-more', 'P1D', '', '2026-03-04 09:17:00+00', NULL, 'skipped', 'no_address', '', '2026-03-14 09:17:00+00', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', NULL);
INSERT INTO public.action VALUES ('019cb2fc-86e0-81e2-bae8-90e0cf952eff', '019cb2f7-f300-81e9-91a3-acf181eb6830', 2, '29512e81-dd0c-89e9-9996-724338e3a87f', 'urgent_contact', 'ack', 'PT0S', 'solve', '2026-03-14 09:17:00+00', NULL, 'done', 'joined_ticket', 'joined ticket 1', '2026-03-14 09:17:00+00', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1');
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.api_key VALUES ('a hash', 'a name', 'a scope', '2026-03-04 09:12:00+00');
INSERT INTO public.audit VALUES (1, '2026-03-14 09:17:00+00', 'crm', 'privacy.erase', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', '{"customers": 1, "dead_letters": 0}');
INSERT INTO public.boucle_user VALUES ('a name', 'a role', 'a password_hash', NULL, '2026-03-04 09:12:00+00');
INSERT INTO public.click VALUES ('019cb2f7-f300-8bdc-afa0-51165591168b', '019cb2f7-f300-8074-8083-feb1af324100', '29512e81-dd0c-89e9-9996-724338e3a87f', '2026-03-03 09:12:00+00', 2, 'GET', '');
INSERT INTO public.clock VALUES ('a name', '2026-03-04 09:12:00+00');
INSERT INTO public.consent VALUES ('019ceba2-7ae0-89e5-acf1-dc0ab709fae4', '019cb2f7-f300-83a5-9bf3-7df2425e24c6', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', true, 'name_and_text', '1', '2026-03-14 09:17:00+00');
INSERT INTO public.consumed VALUES ('cluster', 'topic', 0, 0, 7);
INSERT INTO public.control VALUES ('rules in use: journey-plan', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('rules in use: follow-up', '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('rules in use: contrary.csv', '33f69f2048f94a20ad2bc17dc1f7f1cd62e0a11a3470dfbfe2fd860bdb4555a2', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('rules in use: waves.csv', 'e137fcb830b2201d67a0f0251602f8072136769079a61f7c78db8bdc3c4487d1', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('rules in use: calendar.yaml', '1906588f2b583f41da4cd2f1d5220346a439fba186b7453f7e1e56d92735c0f7', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('rules in use: root-causes.yaml', '826179ea6448be7463990f323f0a9256974e55ffb5aeb0e05e8b89ef67e2b5fc', '2026-03-03 09:12:00+00', 'boucle');
INSERT INTO public.control VALUES ('paused', 'for the dump', '2026-03-19 09:17:00+00', 'operator');
INSERT INTO public.counter VALUES ('ticket', 1);
INSERT INTO public.counter VALUES ('claim', 3);
INSERT INTO public.counter VALUES ('inbox_retired', 3);
INSERT INTO public.customer VALUES ('58229279-478e-8d82-96b5-45356d136754', '3', '2026-03-03 09:12:00+00', '3@example.org', 'Camille Roux', NULL, 'fr', NULL, NULL, NULL, NULL, '{"name": "2026-03-03T09:12:00+00:00", "email": "2026-03-03T09:12:00+00:00", "language": "2026-03-03T09:12:00+00:00"}', '{"purchase": "2026-03-03T09:12:00+00:00"}', NULL, NULL, NULL, NULL);
INSERT INTO public.customer VALUES ('4a25cd5c-8e90-8866-8c45-031b0ee20bb5', '4', '2026-03-03 09:12:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, '2026-03-03 09:12:00+00', NULL, NULL);
INSERT INTO public.customer VALUES ('29512e81-dd0c-89e9-9996-724338e3a87f', '1', '2026-03-03 09:12:00+00', '1@example.org', 'Camille Roux', NULL, 'fr', NULL, NULL, NULL, NULL, '{"name": "2026-03-03T09:12:00+00:00", "email": "2026-03-03T09:12:00+00:00", "language": "2026-03-03T09:12:00+00:00"}', '{"delivery": "2026-03-03T09:12:00+00:00"}', '2026-04-02 08:12:00+00', NULL, NULL, NULL);
INSERT INTO public.customer VALUES ('d2d708b9-a359-8010-87d0-649a2c2bea8e', '2', '2026-03-03 09:12:00+00', '2@example.org', 'Camille Roux', NULL, 'fr', NULL, NULL, NULL, NULL, '{"name": "2026-03-03T09:12:00+00:00", "email": "2026-03-03T09:12:00+00:00", "language": "2026-03-03T09:12:00+00:00"}', '{"delivery": "2026-03-03T09:12:00+00:00"}', '2026-04-02 08:12:00+00', NULL, NULL, NULL);
INSERT INTO public.customer VALUES ('97e186db-cfd6-8817-aa60-ebb27c6ffdbc', '6', '2026-03-03 09:17:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL);
INSERT INTO public.customer VALUES ('eb5ee5ee-134f-8efa-96d0-80139c5d7246', NULL, '2026-03-03 09:12:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', '{"delivery": "2026-03-03T09:12:00+00:00"}', NULL, '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00', NULL);
INSERT INTO public.dead_letter VALUES ('ee7615fc-367f-8783-9e5f-3274e08e481d', 'f571ad25e2955c1056b13d7c2e989c3df0655d89829785ed6bd8a05d4a60afc6', 'kafka', 'boucle.events', 0, 7, '{}', '\x6e6f206576656e74', 'This is not JSON: invalid literal, expected ''null'': line 1 column 1 (char 0). Send a CloudEvent as JSON.', 'not_json', NULL, NULL, NULL, 'open', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '');
INSERT INTO public.decision VALUES ('019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 1, 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'current', 'matched', 'P1', 2, '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '{"after": 0.0, "score": 9, "comment": "yes", "trigger": "delivery", "wants_contact": "no"}', '', '2026-03-03 09:17:00+00', NULL);
INSERT INTO public.decision VALUES ('019cb2fc-86e0-8457-a000-83ddd6c8f5f7', 1, '97e186db-cfd6-8817-aa60-ebb27c6ffdbc', 'current', 'matched', 'N3', 8, '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '{"after": 0.0, "score": 7, "comment": "no", "trigger": "other", "wants_contact": "no"}', '', '2026-03-03 09:17:00+00', NULL);
INSERT INTO public.decision VALUES ('019cb2f7-f300-81e9-91a3-acf181eb6830', 1, '29512e81-dd0c-89e9-9996-724338e3a87f', 'superseded', 'matched', 'D1', 11, '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '{"after": 0.0, "score": 2, "comment": "yes", "trigger": "delivery", "wants_contact": "yes"}', '', '2026-03-03 09:17:00+00', '2026-03-14 09:17:00+00');
INSERT INTO public.decision VALUES ('019cb2f7-f300-81e9-91a3-acf181eb6830', 2, '29512e81-dd0c-89e9-9996-724338e3a87f', 'current', 'matched', 'D1', 11, '5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', '{"after": 0.0, "score": 1, "comment": "yes", "trigger": "delivery", "wants_contact": "no"}', '', '2026-03-14 09:17:00+00', NULL);
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8813-aa26-f59286e642ef', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'mail', 'survey', 'ask-delivery', 'fr', '{"date": "2026-03-03", "label": "", "survey": "ask-delivery", "asked_on": "2026-03-03", "reference": "1002"}', '019cb2f7-f300-898f-b79d-2525650aa792', NULL, NULL, NULL, 'accepted', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '', 'kept as 019cb2f7-f300-8813-aa26-f59286e642ef.eml', '2@example.org', '<survey.019cb2f7-f300-898f-b79d-2525650aa792@example.org>', 1, 0, NULL, '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8f53-bcce-c58b24143ec6', '29512e81-dd0c-89e9-9996-724338e3a87f', 'mail', 'survey', 'ask-delivery', 'fr', '{"date": "2026-03-03", "label": "lamp", "survey": "ask-delivery", "asked_on": "2026-03-03", "reference": "1001"}', '019cb2f7-f300-8074-8083-feb1af324100', NULL, NULL, NULL, 'accepted', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '', 'kept as 019cb2f7-f300-8f53-bcce-c58b24143ec6.eml', '1@example.org', '<survey.019cb2f7-f300-8074-8083-feb1af324100@example.org>', 1, 0, NULL, '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8ba8-a80c-bb48c7291ea9', '29512e81-dd0c-89e9-9996-724338e3a87f', 'mail', 'survey', 'reminder', 'fr', '{"date": "2026-03-03", "label": "lamp", "survey": "ask-delivery", "asked_on": "2026-03-03", "reference": "1001"}', '019cb2f7-f300-8074-8083-feb1af324100', NULL, NULL, NULL, 'cancelled', '2026-03-07 09:12:00+00', '2026-03-03 09:12:00+00', 'answered', '', '', '', 0, 0, NULL, '2026-03-03 09:12:00+00', NULL);
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8340-b62d-aa0e2a6acb37', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'mail', 'survey', 'reminder', 'fr', '{"date": "2026-03-03", "label": "", "survey": "ask-delivery", "asked_on": "2026-03-03", "reference": "1002"}', '019cb2f7-f300-898f-b79d-2525650aa792', NULL, NULL, NULL, 'cancelled', '2026-03-07 09:12:00+00', '2026-03-03 09:12:00+00', 'answered', '', '', '', 0, 0, NULL, '2026-03-03 09:12:00+00', NULL);
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8066-8700-758bab3a5361', '29512e81-dd0c-89e9-9996-724338e3a87f', 'mail', 'service', 'ack', 'fr', '{"date": "2026-03-03", "label": "lamp", "score": 2, "caller": "", "comment": "It came broken", "reference": "1001", "contact_by": "call", "quote_date": "2026-03-03", "promise_date": "2026-03-03", "promise_half_day": "afternoon"}', '019cb2f7-f300-8074-8083-feb1af324100', '019cb2f7-f300-81e9-91a3-acf181eb6830', '019cb2f7-f300-8046-a2a5-2861f02d7009', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', 'accepted', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', '', 'kept as 019cb2f7-f300-8066-8700-758bab3a5361.eml', '1@example.org', '<019cb2f7-f300-8066-8700-758bab3a5361@example.org>', 1, 0, NULL, '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8314-b65e-5067814a2a8a', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'mail', 'service', 'thanks', 'fr', '{"date": "2026-03-03", "label": "", "score": 9, "comment": "Lovely lamp", "reference": "1002", "contact_by": "write", "quote_date": "2026-03-03"}', '019cb2f7-f300-898f-b79d-2525650aa792', '019cb2f7-f300-87dc-97f7-0c6dc7b643c0', '019cb2f7-f300-8002-a263-e14447529a17', NULL, 'accepted', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', '', 'kept as 019cb2f7-f300-8314-b65e-5067814a2a8a.eml', '2@example.org', '<019cb2f7-f300-8314-b65e-5067814a2a8a@example.org>', 1, 0, NULL, '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-88ce-b555-f579bcfb8b9e', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'mail', 'survey', 'ask-delivery', 'fr', '{}', '019cb2f7-f300-8d72-9a82-2608ef9b3d4e', NULL, NULL, NULL, 'accepted', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '', '', '', '<survey.019cb2f7-f300-8d72-9a82-2608ef9b3d4e@example.org>', 1, 0, NULL, '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-8840-936b-9764da6e0a35', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'mail', 'survey', 'reminder', 'fr', '{}', '019cb2f7-f300-8d72-9a82-2608ef9b3d4e', NULL, NULL, NULL, 'accepted', '2026-03-07 09:12:00+00', '2026-03-03 09:12:00+00', '', '', '', '<019cb2f7-f300-8840-936b-9764da6e0a35@example.org>', 1, 0, NULL, '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00');
INSERT INTO public.dispatch VALUES ('019cb2fc-86e0-87c0-9a2d-7e19d7ea2cc7', '29512e81-dd0c-89e9-9996-724338e3a87f', 'mail', 'service', 'ticket', 'fr', '{"play": "solve", "label": "lamp", "owner": "", "phone": "+33 1 00 00 00 00", "score": 2, "caller": "", "due_at": "2026-03-03T13:12:00+00:00", "number": 1, "comment": "It came broken", "trigger": "delivery", "half_day": "", "sentence": "", "opened_at": "2026-03-03T09:17:00+00:00", "reference": "1001", "promise_date": "2026-03-03", "wants_contact": true, "resolve_due_at": "2026-03-05T09:12:00+00:00", "promise_half_day": "afternoon"}', NULL, '019cb2f7-f300-81e9-91a3-acf181eb6830', NULL, '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', 'accepted', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', '', 'kept as 019cb2fc-86e0-87c0-9a2d-7e19d7ea2cc7.eml', 'contact@example.org', '<019cb2fc-86e0-87c0-9a2d-7e19d7ea2cc7@example.org>', 1, 0, NULL, '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00');
INSERT INTO public.dispatch VALUES ('019cb2f7-f300-869b-8820-d23956910ec5', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'mail', 'promotion', 'testimonial', 'fr', '{"date": "2026-03-03", "label": "", "score": 9, "comment": "Lovely lamp", "reference": "1002", "contact_by": "write", "quote_date": "2026-03-03"}', '019cb2f7-f300-898f-b79d-2525650aa792', '019cb2f7-f300-87dc-97f7-0c6dc7b643c0', '019cb2f7-f300-8db1-ad24-a6a451b2ad29', NULL, 'accepted', '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00', '', 'kept as 019cb2f7-f300-869b-8820-d23956910ec5.eml', '2@example.org', '<019cb2f7-f300-869b-8820-d23956910ec5@example.org>', 1, 0, NULL, '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00');
INSERT INTO public.dispatch_body VALUES ('019cb2f7-f300-8813-aa26-f59286e642ef', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf57tacebhkrg6wjinzsc57mikzegccxbsyrpxi@example.org');
INSERT INTO public.dispatch_body VALUES ('019cb2f7-f300-8f53-bcce-c58b24143ec6', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf57tachvhpgoywfsifb6yzdo56semhqf6bj5gq@example.org');
INSERT INTO public.dispatch_body VALUES ('019cb2f7-f300-8066-8700-758bab3a5361', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf57tacagnbyaowf2wostmfegr3oh4fepzyjzvi@example.org');
INSERT INTO public.dispatch_body VALUES ('019cb2f7-f300-8314-b65e-5067814a2a8a', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf57tacbrjns6kbtycsrkrkkvevt3hiau6ruitm@example.org');
INSERT INTO public.dispatch_body VALUES ('019cb2fc-86e0-87c0-9a2d-7e19d7ea2cc7', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf7eg4cd4bgrnpym5p2rmy53xn6et6yi3hkezzm@example.org');
INSERT INTO public.dispatch_body VALUES ('019cb2f7-f300-869b-8820-d23956910ec5', '\x5375626a6563743a2041206d61696c206173206974206c6566740d0a0d0a4375742073686f727420666f72207468652064756d702e0d0a', 'bounce+agolf57tacdjxcba2i4vneioyu3e53jin7usyjiuaa@example.org');
INSERT INTO public.history VALUES ('29512e81-dd0c-89e9-9996-724338e3a87f', '019cb2fc-86e0-856e-ac7e-3fa903a0d320', '2026-03-03 09:17:00+00', 'touchpoint', '019cb2f7-f300-8310-a685-b2468d5aa838/delivery-6w', 'held', 'hold', 'ticket_opened');
INSERT INTO public.history VALUES ('97e186db-cfd6-8817-aa60-ebb27c6ffdbc', '019ceba2-7ae0-81c0-b6bf-828b4c518c3a', '2026-03-14 09:17:00+00', 'action', '019cb2fc-86e0-8574-b771-a8d97dbbd540', 'skipped', 'no_address', '');
INSERT INTO public.history VALUES ('eb5ee5ee-134f-8efa-96d0-80139c5d7246', '019ceba2-7ae0-84b0-9e13-e151731191c4', '2026-03-14 09:17:00+00', 'touchpoint', '019cb2f7-f300-808d-90bd-016c09078aed/delivery-6w', 'cancelled', 'erased', '');
INSERT INTO public.history VALUES ('eb5ee5ee-134f-8efa-96d0-80139c5d7246', '019d0562-46e0-8cdd-b635-6ccf999a78ed', '2026-03-19 09:17:00+00', 'survey_request', '019cb2f7-f300-8d72-9a82-2608ef9b3d4e', 'expired', 'request_closed', '');
INSERT INTO public.inbox VALUES ('shop', 'boucle.journey.delivery.v1/1/1001', '29512e81-dd0c-89e9-9996-724338e3a87f', 'boucle.journey.delivery.v1', '1fd21fdfaccfed575a86289cdeff01d55723ba2f1d535ef107f1f7886bbcde03', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.journey.delivery.v1/2/1002', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'boucle.journey.delivery.v1', '130af181d70cda4bf7d21df75d415c6fe8c82c769eec0b55f742f8d901f8b4ab', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.journey.purchase.v1/3/1003', '58229279-478e-8d82-96b5-45356d136754', 'boucle.journey.purchase.v1', '35b4aa622bf6b4e0cbae162bd9893ae226415c25e5254817fa133770bd7b47a4', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.customer.opted_out.v1/4/2026-03-03T09:12:00+00:00', '4a25cd5c-8e90-8866-8c45-031b0ee20bb5', 'boucle.customer.opted_out.v1', '050d5d8cb098739e5a4de03f454425eb97818a1fd030b749bd72a672f96125b5', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.journey.delivery.v1/5/1005', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'boucle.journey.delivery.v1', 'eb9c0d24065f0dfd358b3c12fc4a5d589df0281bdac3a90b6a1ecba716349942', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.journey.refund.v1/3/1003', '58229279-478e-8d82-96b5-45356d136754', 'boucle.journey.refund.v1', '305a1ce24a418d30d26cc9c02cf88ab2b38e155c05b212626a97ec2f264cd861', 'http', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.score.v1/6/2026-03-03T09:17:00+00:00', '97e186db-cfd6-8817-aa60-ebb27c6ffdbc', 'boucle.score.v1', '9f9b0f6424b35a4ab6af3a381edc80bd8319b7305b1395771604ff0c0b0898e8', 'http', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00');
INSERT INTO public.inbox VALUES ('shop', 'boucle.customer.erased.v1/5/2026-03-14T09:17:00+00:00', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'boucle.customer.erased.v1', 'a4a10788b14aea6fdbb49e8ddeefc9e8d866578558aacea520a1a8574262db56', 'http', '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00');
INSERT INTO public.initiative VALUES (1, 1, 'a name', '{}', 'a owner', 'a state', 1, '2026-03-04 09:12:00+00', NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-8310-a685-b2468d5aa838', '29512e81-dd0c-89e9-9996-724338e3a87f', 'delivery', '1001', 'lamp', '{}', '2026-03-03 09:12:00+00', 'shop/boucle.journey.delivery.v1/1/1001', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'delivery', NULL, NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-871f-8f17-82d6e67701e8', '58229279-478e-8d82-96b5-45356d136754', 'milestone', '', '', '{}', '2026-03-03 09:12:00+00', 'shop/boucle.journey.purchase.v1/3/1003', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'purchase', true, NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-87e6-bcaf-9c8ae5a4d242', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'delivery', '1002', '', '{}', '2026-03-03 09:12:00+00', 'shop/boucle.journey.delivery.v1/2/1002', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'delivery', NULL, NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-8953-83dc-cfdbb8ac3d7a', '58229279-478e-8d82-96b5-45356d136754', 'purchase', '1003', '', '{}', '2026-03-03 09:12:00+00', 'shop/boucle.journey.purchase.v1/3/1003', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'purchase', true, NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-8c7a-a823-a017809a88fc', '58229279-478e-8d82-96b5-45356d136754', 'loyal_2y', '', '', '{}', '2026-03-03 09:12:00+00', 'shop/boucle.journey.purchase.v1/3/1003', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'purchase', true, NULL);
INSERT INTO public.journey VALUES ('019cb2f7-f300-808d-90bd-016c09078aed', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'delivery', 'erased 1', '', '{}', '2026-03-03 09:12:00+00', '', 'open', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'delivery', NULL, NULL);
INSERT INTO public.outbox VALUES (1, 'boucle.survey-requests', '1', '\x7b2264617461223a7b226368616e6e656c223a226d61696c222c22636c6f7365735f6174223a22323032362d30332d31375430393a31323a30305a222c226c6162656c223a226c616d70222c226c616e6775616765223a226672222c226c696e6b223a22687474703a2f2f3132372e302e302e313a383038302f612f415a7979395f4d4167485341675f3678727a4a4241412e48524b536779642d5a7065574231594b544a396b446452324f757741705f584c4c337a7530676f715a4c51222c227265666572656e6365223a2231303031222c2272657175657374223a2230313963623266372d663330302d383037342d383038332d666562316166333234313030222c22746f756368706f696e74223a2264656c69766572792d6e6f77222c2274726967676572223a2264656c6976657279227d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266372d663330302d386665312d393933362d363537653132656233306531222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2231222c2274696d65223a22323032362d30332d30335430393a31323a30305a222c2274797065223a22626f75636c652e7375727665792d726571756573742e637265617465642e7631227d');
INSERT INTO public.outbox VALUES (2, 'boucle.survey-requests', '2', '\x7b2264617461223a7b226368616e6e656c223a226d61696c222c22636c6f7365735f6174223a22323032362d30332d31375430393a31323a30305a222c226c6162656c223a22222c226c616e6775616765223a226672222c226c696e6b223a22687474703a2f2f3132372e302e302e313a383038302f612f415a7979395f4d4169592d336e53556c5a51716e6b672e596a58624f30344e6347657669744967686f6d7333554f5767384c5257426b385a75753835714b4b4f4d49222c227265666572656e6365223a2231303032222c2272657175657374223a2230313963623266372d663330302d383938662d623739642d323532353635306161373932222c22746f756368706f696e74223a2264656c69766572792d6e6f77222c2274726967676572223a2264656c6976657279227d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266372d663330302d386666392d623039372d316632633535623138376638222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2232222c2274696d65223a22323032362d30332d30335430393a31323a30305a222c2274797065223a22626f75636c652e7375727665792d726571756573742e637265617465642e7631227d');
INSERT INTO public.outbox VALUES (4, 'boucle.responses', '1', '\x7b2264617461223a7b2262616e64223a22646574726163746f72222c226861735f636f6d6d656e74223a747275652c2270726576696f75735f62616e64223a6e756c6c2c227265666572656e6365223a2231303031222c2272657175657374223a2230313963623266372d663330302d383037342d383038332d666562316166333234313030222c22726573706f6e7365223a2230313963623266372d663330302d383165392d393161332d616366313831656236383330222c227265766973696f6e223a312c2273636f7265223a322c22746f756368706f696e74223a2264656c69766572792d6e6f77222c2274726967676572223a2264656c6976657279222c2277616e74735f636f6e74616374223a747275657d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266372d663330302d386436662d396332642d376464383433306232383632222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2231222c2274696d65223a22323032362d30332d30335430393a31323a30305a222c2274797065223a22626f75636c652e726573706f6e73652e72656365697665642e7631227d');
INSERT INTO public.outbox VALUES (5, 'boucle.tickets', '1', '\x7b2264617461223a7b226475655f6174223a22323032362d30332d30335431333a31323a30305a222c226e756d626572223a312c226f776e6572223a22222c22706c6179223a22736f6c7665222c227265666572656e6365223a2231303031222c2273636f7265223a322c227374617465223a226f70656e222c227469636b6574223a2230313963623266372d663330302d383531362d616634632d663763313064386666376131222c2274726967676572223a2264656c6976657279227d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266632d383665302d383033392d383139392d653132353362623235353262222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2231222c2274696d65223a22323032362d30332d30335430393a31373a30305a222c2274797065223a22626f75636c652e7469636b65742e6f70656e65642e7631227d');
INSERT INTO public.outbox VALUES (6, 'boucle.responses', '2', '\x7b2264617461223a7b2262616e64223a2270726f6d6f746572222c226861735f636f6d6d656e74223a747275652c2270726576696f75735f62616e64223a6e756c6c2c227265666572656e6365223a2231303032222c2272657175657374223a2230313963623266372d663330302d383938662d623739642d323532353635306161373932222c22726573706f6e7365223a2230313963623266372d663330302d383764632d393766372d306336646337623634336330222c227265766973696f6e223a312c2273636f7265223a392c22746f756368706f696e74223a2264656c69766572792d6e6f77222c2274726967676572223a2264656c6976657279222c2277616e74735f636f6e74616374223a66616c73657d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266372d663330302d383966302d386533302d373336303866303532326437222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2232222c2274696d65223a22323032362d30332d30335430393a31323a30305a222c2274797065223a22626f75636c652e726573706f6e73652e72656365697665642e7631227d');
INSERT INTO public.outbox VALUES (7, 'boucle.responses', '6', '\x7b2264617461223a7b2262616e64223a2270617373697665222c226861735f636f6d6d656e74223a66616c73652c2270726576696f75735f62616e64223a6e756c6c2c227265666572656e6365223a22222c2272657175657374223a6e756c6c2c22726573706f6e7365223a2230313963623266632d383665302d383435372d613030302d383364646436633866356637222c227265766973696f6e223a312c2273636f7265223a372c22746f756368706f696e74223a22222c2274726967676572223a226f74686572222c2277616e74735f636f6e74616374223a66616c73657d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266632d383665302d386237652d396465312d353536323666303462666161222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2236222c2274696d65223a22323032362d30332d30335430393a31373a30305a222c2274797065223a22626f75636c652e726573706f6e73652e72656365697665642e7631227d');
INSERT INTO public.outbox VALUES (8, 'boucle.responses', '1', '\x7b2264617461223a7b2262616e64223a22646574726163746f72222c226861735f636f6d6d656e74223a747275652c2270726576696f75735f62616e64223a6e756c6c2c227265666572656e6365223a2231303031222c2272657175657374223a2230313963623266372d663330302d383037342d383038332d666562316166333234313030222c22726573706f6e7365223a2230313963623266372d663330302d383165392d393161332d616366313831656236383330222c227265766973696f6e223a322c2273636f7265223a312c22746f756368706f696e74223a2264656c69766572792d6e6f77222c2274726967676572223a2264656c6976657279222c2277616e74735f636f6e74616374223a66616c73657d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963623266632d383665302d383261312d613163352d386663303933646539396662222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2231222c2274696d65223a22323032362d30332d30335430393a31373a30305a222c2274797065223a22626f75636c652e726573706f6e73652e72656365697665642e7631227d');
INSERT INTO public.outbox VALUES (9, 'boucle.testimonials', '2', '\x7b2264617461223a7b226c616e6775616765223a226672222c22706c616365223a224c796f6e222c2273636f7065223a226e616d655f616e645f74657874222c2273686f776e5f6e616d65223a22432e20522e222c2274657374696d6f6e69616c223a2230313963623266372d663330302d383361352d396266332d376466323432356532346336222c22776f7264696e67223a2241206c6f76656c79206c616d70227d2c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e222c226964223a2230313963656261322d376165302d386161382d613962392d343439353466633861633330222c22736f75726365223a22626f75636c65222c227370656376657273696f6e223a22312e30222c227375626a656374223a2232222c2274696d65223a22323032362d30332d31345430393a31373a30305a222c2274797065223a22626f75636c652e74657374696d6f6e69616c2e636f6e73656e7465642e7631227d');
INSERT INTO public.received VALUES (1, 'http', '2026-03-03 09:12:00+00', 1, 1, 0, 0);
INSERT INTO public.received VALUES (2, 'http', '2026-03-03 09:12:00+00', 2, 2, 0, 0);
INSERT INTO public.received VALUES (3, 'http', '2026-03-03 09:12:00+00', 3, 3, 0, 0);
INSERT INTO public.received VALUES (4, 'kafka', '2026-03-03 09:12:00+00', 1, 0, 0, 1);
INSERT INTO public.received VALUES (5, 'http', '2026-03-03 09:17:00+00', 1, 1, 0, 0);
INSERT INTO public.received VALUES (6, 'http', '2026-03-14 09:17:00+00', 1, 1, 0, 0);
INSERT INTO public.report_note VALUES (1, '2026-03-04 09:12:00+00', 'a text', 'a by');
INSERT INTO public.response VALUES ('019cb2fc-86e0-8457-a000-83ddd6c8f5f7', '97e186db-cfd6-8817-aa60-ebb27c6ffdbc', NULL, 'shop', 'boucle.score.v1/6/2026-03-03T09:17:00+00:00', 'other', '', '', '', '{}', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', 0, 7, 'passive', '', false, '', '', 'event', '', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', '2026-03-03 09:17:00+00', 1, 'decided', '', false, '', NULL, '', NULL);
INSERT INTO public.response VALUES ('019cb2f7-f300-81e9-91a3-acf181eb6830', '29512e81-dd0c-89e9-9996-724338e3a87f', '019cb2f7-f300-8074-8083-feb1af324100', NULL, NULL, 'delivery', 'delivery-now', '1001', 'lamp', '{}', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', 0, 1, 'detractor', 'It came broken, and late', false, '', '', 'mail', '', '2026-03-03 09:17:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:17:00+00', '2026-03-03 09:18:00+00', 2, 'closed', '', false, '', NULL, '', NULL);
INSERT INTO public.response VALUES ('019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', '019cb2f7-f300-898f-b79d-2525650aa792', NULL, NULL, 'delivery', 'delivery-now', '1002', '', '{}', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', 0, 9, 'promoter', 'Lovely lamp', false, '', '', 'mail', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:13:00+00', 1, 'closed', '', false, '', NULL, '', NULL);
INSERT INTO public.response_revision VALUES ('019cb2f7-f300-81e9-91a3-acf181eb6830', 1, '29512e81-dd0c-89e9-9996-724338e3a87f', 2, 'It came broken', true, '2026-03-03 09:12:00+00');
INSERT INTO public.response_revision VALUES ('019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 1, 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 9, 'Lovely lamp', false, '2026-03-03 09:12:00+00');
INSERT INTO public.response_revision VALUES ('019cb2f7-f300-81e9-91a3-acf181eb6830', 2, '29512e81-dd0c-89e9-9996-724338e3a87f', 1, 'It came broken, and late', false, '2026-03-03 09:17:00+00');
INSERT INTO public.response_revision VALUES ('019cb2fc-86e0-8457-a000-83ddd6c8f5f7', 1, '97e186db-cfd6-8817-aa60-ebb27c6ffdbc', 7, '', false, '2026-03-03 09:17:00+00');
INSERT INTO public.response_theme VALUES ('0f842891-352e-5952-a884-58042d02f498', 1, '2026-03-04 09:12:00+00', 'a by');
INSERT INTO public.role_lease VALUES ('a role', 'a holder', '2026-03-04 09:12:00+00');
INSERT INTO public.rule_table VALUES ('7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'journey-plan', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.rule_table VALUES ('5d9d91aa7dc97e880bfe7d8d7881e1c7aba42cca66053375146ebb6985fefca3', 'follow-up', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.rule_table VALUES ('33f69f2048f94a20ad2bc17dc1f7f1cd62e0a11a3470dfbfe2fd860bdb4555a2', 'contrary.csv', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.rule_table VALUES ('e137fcb830b2201d67a0f0251602f8072136769079a61f7c78db8bdc3c4487d1', 'waves.csv', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.rule_table VALUES ('1906588f2b583f41da4cd2f1d5220346a439fba186b7453f7e1e56d92735c0f7', 'calendar.yaml', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.rule_table VALUES ('826179ea6448be7463990f323f0a9256974e55ffb5aeb0e05e8b89ef67e2b5fc', 'root-causes.yaml', '{"name": "cut short for the dump"}', '2026-03-03 09:12:00+00');
INSERT INTO public.session VALUES ('a hash', 'a kind', 'a user', '2026-03-04 09:12:00+00', '2026-03-04 09:12:00+00');
INSERT INTO public.shadow VALUES ('65f6d9a1-30e2-5e6f-bf62-f21254d5a069', '9e6e1558-5b2b-5dea-aeeb-12ac916a8b6c', 'a name', 'a subject', 'a version', 'a candidate', 'a rules', 'a candidate_rules', 'a outcome', 'a candidate_outcome', '2026-03-04 09:12:00+00');
INSERT INTO public.stop VALUES ('019cb2f7-f300-85e2-8b68-08d7a7bbecab', '4a25cd5c-8e90-8866-8c45-031b0ee20bb5', 'opted_out', 'cancel', 'customer', '', '2026-03-03 09:12:00+00', 'shop/boucle.customer.opted_out.v1/4/2026-03-03T09:12:00+00:00');
INSERT INTO public.stop VALUES ('019cb2f7-f300-8bfd-a604-55a54c80d1bc', '58229279-478e-8d82-96b5-45356d136754', 'refund', 'cancel', 'reference', '1003', '2026-03-03 09:12:00+00', 'shop/boucle.journey.refund.v1/3/1003');
INSERT INTO public.stop VALUES ('019cb2fc-86e0-8782-82ed-f6485bd6902e', '29512e81-dd0c-89e9-9996-724338e3a87f', 'ticket_opened', 'hold', 'customer', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', '2026-03-03 09:17:00+00', 'boucle/ticket_opened/1/0');
INSERT INTO public.suppression VALUES ('6f6fc9579c3d762c15a3a25c09996ad087467ee55304b6c38ce99cd66d015cfd', 'erased', '2026-03-14 09:17:00+00', '');
INSERT INTO public.survey_request VALUES ('019cb2f7-f300-8074-8083-feb1af324100', '019cb2f7-f300-8310-a685-b2468d5aa838', 'delivery-now', '29512e81-dd0c-89e9-9996-724338e3a87f', 'delivery', '1001', 'lamp', '{}', 'mail', 'ask-delivery', 'fr', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-17 09:12:00+00', 'closed', 'request_closed', '2026-03-19 09:17:00+00', '2026-03-03 09:12:00+00', NULL);
INSERT INTO public.survey_request VALUES ('019cb2f7-f300-898f-b79d-2525650aa792', '019cb2f7-f300-87e6-bcaf-9c8ae5a4d242', 'delivery-now', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'delivery', '1002', '', '{}', 'mail', 'ask-delivery', 'fr', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-17 09:12:00+00', 'closed', 'request_closed', '2026-03-19 09:17:00+00', '2026-03-03 09:12:00+00', NULL);
INSERT INTO public.survey_request VALUES ('019cb2f7-f300-8d72-9a82-2608ef9b3d4e', '019cb2f7-f300-808d-90bd-016c09078aed', 'delivery-now', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'delivery', '', '', '{}', 'mail', 'ask-delivery', 'fr', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-17 09:12:00+00', 'expired', 'request_closed', '2026-03-19 09:17:00+00', '2026-03-03 09:12:00+00', '2026-03-14 09:17:00+00');
INSERT INTO public.testimonial VALUES ('019cb2f7-f300-83a5-9bf3-7df2425e24c6', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', '019cb2f7-f300-87dc-97f7-0c6dc7b643c0', 'consented', '2026-03-14 09:17:00+00', '2026-03-14 09:17:00+00', 'fr', 'A lovely lamp', 'C. R.', 'Lyon', 'name_and_text');
INSERT INTO public.theme VALUES (1, 'a name', 'a kind', 'a state', 1, 1);
INSERT INTO public.ticket VALUES ('019cb2f7-f300-8516-af4c-f7c10d8ff7a1', 1, '29512e81-dd0c-89e9-9996-724338e3a87f', '019cb2f7-f300-81e9-91a3-acf181eb6830', 'delivery', '1001', 'lamp', 1, 'It came broken, and late', true, '+33 1 00 00 00 00', '', 'fr', 'solve', '', 'support', 'open', '2026-03-03 09:17:00+00', '2026-03-03 13:12:00+00', '2026-03-05 09:12:00+00', '2026-03-14 09:17:00+00', 3, 0, NULL, NULL, NULL, 0, '', '', '', '', NULL, NULL, 0, '2026-03-14 09:17:00+00', NULL, NULL, NULL);
INSERT INTO public.ticket_entry VALUES ('019cb2fc-86e0-8dca-81d1-8b529ad48674', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', '29512e81-dd0c-89e9-9996-724338e3a87f', '2026-03-03 09:17:00+00', 'opened', '', '2/10 It came broken', NULL, NULL, 1);
INSERT INTO public.ticket_entry VALUES ('019ceba2-7ae0-8d30-b2ff-892b97e06d76', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', '29512e81-dd0c-89e9-9996-724338e3a87f', '2026-03-14 09:17:00+00', 'overdue', '', '', NULL, NULL, 3);
INSERT INTO public.ticket_entry VALUES ('019ceba2-7ae0-8fb6-bf2f-d69c95dc646f', '019cb2f7-f300-8516-af4c-f7c10d8ff7a1', '29512e81-dd0c-89e9-9996-724338e3a87f', '2026-03-14 09:17:00+00', 'joined', '', '1/10 It came broken, and late', NULL, NULL, 2);
INSERT INTO public.told VALUES (1, 'eaaae315-18c8-5a40-8477-dab46978d069', 'bf8bdad4-600d-59bc-969d-1cb870943acc', '1d98ea42-0554-52cf-9c7e-85f4f5ecb14f', '2026-03-04 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-871f-8f17-82d6e67701e8', 'milestone-12m', '58229279-478e-8d82-96b5-45356d136754', 'milestone', '', 'J6', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-relationship', '2026-03-03 09:12:00+00', '2027-03-03 09:12:00+00', '2027-03-03 09:12:00+00', '2027-04-02 08:12:00+00', 'defer', 'P5D', 'planned', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-871f-8f17-82d6e67701e8', 'milestone-3m', '58229279-478e-8d82-96b5-45356d136754', 'milestone', '', 'J4', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-relationship', '2026-03-03 09:12:00+00', '2026-06-03 08:12:00+00', '2026-06-03 08:12:00+00', '2026-06-24 08:12:00+00', 'defer', 'P5D', 'planned', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-871f-8f17-82d6e67701e8', 'milestone-6m', '58229279-478e-8d82-96b5-45356d136754', 'milestone', '', 'J5', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-relationship', '2026-03-03 09:12:00+00', '2026-09-03 08:12:00+00', '2026-09-03 08:12:00+00', '2026-10-03 08:12:00+00', 'defer', 'P5D', 'planned', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-87e6-bcaf-9c8ae5a4d242', 'delivery-6w', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'delivery', '1002', 'J3', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-in-use', '2026-03-03 09:12:00+00', '2026-04-14 08:12:00+00', '2026-04-14 08:12:00+00', '2026-05-02 08:12:00+00', 'defer', 'P5D', 'planned', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-8c7a-a823-a017809a88fc', 'loyal-2y', '58229279-478e-8d82-96b5-45356d136754', 'loyal_2y', '', 'J7', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-relationship', '2026-03-03 09:12:00+00', '2028-03-03 09:12:00+00', '2028-03-03 09:12:00+00', '2028-04-02 08:12:00+00', 'defer', 'P5D', 'planned', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-8310-a685-b2468d5aa838', 'delivery-now', '29512e81-dd0c-89e9-9996-724338e3a87f', 'delivery', '1001', 'J2', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-delivery', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-13 09:12:00+00', 'defer', 'P4D', 'asked', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-87e6-bcaf-9c8ae5a4d242', 'delivery-now', 'd2d708b9-a359-8010-87d0-649a2c2bea8e', 'delivery', '1002', 'J2', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-delivery', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-13 09:12:00+00', 'defer', 'P4D', 'asked', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-8310-a685-b2468d5aa838', 'delivery-6w', '29512e81-dd0c-89e9-9996-724338e3a87f', 'delivery', '1001', 'J3', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-in-use', '2026-03-03 09:12:00+00', '2026-04-14 08:12:00+00', '2026-05-02 08:12:00.000001+00', '2026-05-02 08:12:00+00', 'defer', 'P5D', 'held', 'hold', 'ticket_opened', '2026-03-03 09:17:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-808d-90bd-016c09078aed', 'delivery-now', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'delivery', '', 'J2', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-delivery', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00', '2026-03-13 09:12:00+00', 'defer', 'P4D', 'asked', '', '', '2026-03-03 09:12:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.touchpoint VALUES ('019cb2f7-f300-808d-90bd-016c09078aed', 'delivery-6w', 'eb5ee5ee-134f-8efa-96d0-80139c5d7246', 'delivery', '', 'J3', '7013ac167a2f7610269e23533ecd2eb7bd73b8d7325fe444e83f8b5fb5c24b16', 'ask-in-use', '2026-03-03 09:12:00+00', '2026-04-14 08:12:00+00', '2026-04-14 08:12:00+00', '2026-05-02 08:12:00+00', 'defer', 'P5D', 'cancelled', 'erased', '', '2026-03-14 09:17:00+00', '2026-03-03 09:12:00+00');
INSERT INTO public.wave VALUES ('a id', '2026-03-04 09:12:00+00', 'ffffffff-ffff-8fff-bfff-ffffffffffff', NULL);
SELECT pg_catalog.setval('public.audit_id_seq', 1, true);
SELECT pg_catalog.setval('public.initiative_id_seq', 1, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 9, true);
SELECT pg_catalog.setval('public.received_id_seq', 6, true);
SELECT pg_catalog.setval('public.report_note_id_seq', 1, true);
SELECT pg_catalog.setval('public.theme_id_seq', 1, true);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT action_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.boucle_user
    ADD CONSTRAINT boucle_user_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.click
    ADD CONSTRAINT click_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.clock
    ADD CONSTRAINT clock_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.consumed
    ADD CONSTRAINT consumed_pkey PRIMARY KEY (cluster, topic_id, partition, first);
ALTER TABLE ONLY public.control
    ADD CONSTRAINT control_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_crm_id UNIQUE (crm_id);
ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (response, n);
ALTER TABLE ONLY public.dispatch_body
    ADD CONSTRAINT dispatch_body_pkey PRIMARY KEY (dispatch);
ALTER TABLE ONLY public.dispatch
    ADD CONSTRAINT dispatch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (customer, id);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (source, event_id);
ALTER TABLE ONLY public.initiative
    ADD CONSTRAINT initiative_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.journey
    ADD CONSTRAINT journey_natural_key UNIQUE (customer, trigger, reference);
ALTER TABLE ONLY public.journey
    ADD CONSTRAINT journey_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.received
    ADD CONSTRAINT received_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_note
    ADD CONSTRAINT report_note_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.response
    ADD CONSTRAINT response_external UNIQUE (source, external_id);
ALTER TABLE ONLY public.response
    ADD CONSTRAINT response_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.response_revision
    ADD CONSTRAINT response_revision_pkey PRIMARY KEY (response, n);
ALTER TABLE ONLY public.response_theme
    ADD CONSTRAINT response_theme_pkey PRIMARY KEY (response, theme);
ALTER TABLE ONLY public.role_lease
    ADD CONSTRAINT role_lease_pkey PRIMARY KEY (role);
ALTER TABLE ONLY public.rule_table
    ADD CONSTRAINT rule_table_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.shadow
    ADD CONSTRAINT shadow_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stop
    ADD CONSTRAINT stop_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (address, kind);
ALTER TABLE ONLY public.survey_request
    ADD CONSTRAINT survey_request_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.survey_request
    ADD CONSTRAINT survey_request_touchpoint UNIQUE (journey, step);
ALTER TABLE ONLY public.testimonial
    ADD CONSTRAINT testimonial_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.theme
    ADD CONSTRAINT theme_name UNIQUE (name);
ALTER TABLE ONLY public.theme
    ADD CONSTRAINT theme_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ticket_entry
    ADD CONSTRAINT ticket_entry_event UNIQUE (source, event_id);
ALTER TABLE ONLY public.ticket_entry
    ADD CONSTRAINT ticket_entry_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_number UNIQUE (number);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.told
    ADD CONSTRAINT told_pkey PRIMARY KEY (initiative, customer);
ALTER TABLE ONLY public.touchpoint
    ADD CONSTRAINT touchpoint_pkey PRIMARY KEY (journey, step);
ALTER TABLE ONLY public.wave
    ADD CONSTRAINT wave_pkey PRIMARY KEY (id);
CREATE INDEX action_customer ON public.action USING btree (customer);
CREATE INDEX action_due ON public.action USING btree (due_at) WHERE ((state)::text = ANY ((ARRAY['planned'::character varying, 'held'::character varying])::text[]));
CREATE INDEX action_response ON public.action USING btree (response);
CREATE INDEX click_request ON public.click USING btree (request);
CREATE INDEX consent_testimonial ON public.consent USING btree (testimonial);
CREATE INDEX dead_letter_state ON public.dead_letter USING btree (state, received_at);
CREATE UNIQUE INDEX decision_current ON public.decision USING btree (response) WHERE ((state)::text = 'current'::text);
CREATE INDEX decision_customer ON public.decision USING btree (customer);
CREATE INDEX dispatch_accepted ON public.dispatch USING btree (accepted_at);
CREATE INDEX dispatch_customer ON public.dispatch USING btree (customer);
CREATE INDEX dispatch_lease ON public.dispatch USING btree (lease_until) WHERE ((state)::text = ANY ((ARRAY['leased'::character varying, 'sending'::character varying])::text[]));
CREATE INDEX dispatch_ready ON public.dispatch USING btree (not_before, id) WHERE ((state)::text = 'ready'::text);
CREATE INDEX dispatch_request ON public.dispatch USING btree (request);
CREATE INDEX inbox_customer ON public.inbox USING btree (customer);
CREATE INDEX inbox_received ON public.inbox USING btree (received_at);
CREATE INDEX initiative_theme ON public.initiative USING btree (theme);
CREATE INDEX response_answered ON public.response USING btree (answered_at);
CREATE INDEX response_customer ON public.response USING btree (customer);
CREATE UNIQUE INDEX response_request ON public.response USING btree (request) WHERE (request IS NOT NULL);
CREATE INDEX response_revision_customer ON public.response_revision USING btree (customer);
CREATE INDEX response_settles ON public.response USING btree (settles_at) WHERE ((state)::text = 'settling'::text);
CREATE INDEX response_theme_theme ON public.response_theme USING btree (theme);
CREATE INDEX "session_user" ON public.session USING btree ("user");
CREATE INDEX shadow_candidate ON public.shadow USING btree (candidate);
CREATE INDEX shadow_customer ON public.shadow USING btree (customer);
CREATE INDEX stop_customer ON public.stop USING btree (customer);
CREATE INDEX survey_request_closes ON public.survey_request USING btree (closes_at) WHERE ((state)::text = ANY ((ARRAY['open'::character varying, 'answered'::character varying])::text[]));
CREATE INDEX survey_request_customer ON public.survey_request USING btree (customer);
CREATE INDEX testimonial_customer ON public.testimonial USING btree (customer);
CREATE INDEX ticket_customer ON public.ticket USING btree (customer);
CREATE INDEX ticket_due ON public.ticket USING btree (due_at) WHERE ((state)::text <> 'done'::text);
CREATE INDEX ticket_entry_customer ON public.ticket_entry USING btree (customer);
CREATE INDEX ticket_entry_ticket ON public.ticket_entry USING btree (ticket);
CREATE UNIQUE INDEX ticket_one_open ON public.ticket USING btree (customer) WHERE ((state)::text <> 'done'::text);
CREATE INDEX touchpoint_customer ON public.touchpoint USING btree (customer);
CREATE INDEX touchpoint_wake ON public.touchpoint USING btree (wake_at) WHERE ((state)::text = ANY ((ARRAY['planned'::character varying, 'held'::character varying])::text[]));

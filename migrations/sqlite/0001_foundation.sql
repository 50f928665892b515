-- Times are unix milliseconds, ids are text with a prefix, booleans are 0 or 1, sealed values are envelopes only the vault opens.

create table instance (
    one        bigint not null primary key check (one = 1),
    id         text   not null,
    salt       blob   not null,
    created_at bigint not null,
    set_up_at  bigint
);

create table keyring (
    version     bigint not null primary key,
    state       text   not null check (state in ('staged', 'active', 'decrypt_only', 'retired')),
    check_value blob   not null,
    created_at  bigint not null
);
create unique index keyring_one_active on keyring (state) where state = 'active';

create table instance_secrets (
    name           text   not null primary key,
    sealed         blob   not null,
    key_version    bigint not null,
    sealed_version bigint not null,
    created_at     bigint not null
);

-- Numbers changes and audit rows in the order of their commits: the row lock makes commits wait for one another.
create table change_counter (
    one bigint not null primary key check (one = 1),
    seq bigint not null
);
insert into change_counter (one, seq) values (1, 0);

create table changes (
    seq          bigint not null primary key,
    kind         text   not null,
    workspace_id text,
    subject      text   not null,
    at           bigint not null
);

create table audit (
    seq          bigint not null primary key,
    workspace_id text,
    at           bigint not null,
    actor        text   not null,
    action       text   not null,
    subject      text   not null,
    detail       text   not null
);
create index audit_by_workspace on audit (workspace_id, seq);

create table users (
    id            text   not null primary key,
    email         text   not null unique,
    password_hash text   not null,
    operator      bigint not null,
    created_at    bigint not null
);

create table sessions (
    id         text   not null primary key,
    user_id    text   not null references users (id) on delete cascade,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
create index sessions_by_user on sessions (user_id);

create table workspaces (
    id         text   not null primary key,
    name       text   not null,
    salt       blob   not null,
    created_at bigint not null
);

create table members (
    workspace_id text   not null references workspaces (id) on delete cascade,
    user_id      text   not null references users (id) on delete cascade,
    role         text   not null check (role in ('owner', 'admin', 'member')),
    created_at   bigint not null,
    primary key (workspace_id, user_id)
);
create index members_by_user on members (user_id);

create table projects (
    id           text   not null primary key,
    workspace_id text   not null references workspaces (id) on delete cascade,
    name         text   not null,
    created_at   bigint not null,
    unique (workspace_id, name),
    -- Lets a key's row name its project only together with the workspace it belongs to.
    unique (workspace_id, id)
);

-- `sealed` is null for a custom endpoint that needs no key. `origin` is part of what opens the envelope.
create table provider_keys (
    id                   text   not null primary key,
    workspace_id         text   not null references workspaces (id) on delete cascade,
    project_id           text,
    provider             text   not null,
    label                text,
    base_url             text,
    origin               text   not null,
    sealed               blob,
    key_version          bigint,
    sealed_version       bigint not null,
    key_prefix           text   not null,
    is_default           bigint not null,
    is_active            bigint not null,
    validation_status    text   not null,
    health_status        text   not null,
    last_health_error    text,
    last_health_check_at bigint,
    last_used_at         bigint,
    created_at           bigint not null,
    updated_at           bigint not null,
    foreign key (workspace_id, project_id) references projects (workspace_id, id) on delete cascade
);
create index provider_keys_by_workspace on provider_keys (workspace_id, provider);
create unique index provider_keys_one_default
    on provider_keys (workspace_id, provider) where is_default = 1 and project_id is null;

create table gateway_keys (
    id             text   not null primary key,
    workspace_id   text   not null references workspaces (id) on delete cascade,
    project_id     text,
    user_id        text   not null references users (id),
    name           text   not null,
    token_hash     blob   not null unique,
    shown          text   not null,
    scopes         text   not null,
    allowed_models text,
    expires_at     bigint,
    revoked_at     bigint,
    created_at     bigint not null,
    foreign key (workspace_id, project_id) references projects (workspace_id, id) on delete cascade
);
create index gateway_keys_by_workspace on gateway_keys (workspace_id, project_id);

-- One row per attempt: a call to one provider with one key. No foreign keys: the ledger outlives what it names.
create table attempts (
    request_id       text   not null,
    attempt          bigint not null,
    node_id          text   not null,
    workspace_id     text   not null,
    project_id       text   not null,
    gateway_key_id   text   not null,
    provider_key_id  text   not null,
    provider         text   not null,
    model            text   not null,
    dialect          text   not null,
    streamed         bigint not null,
    payer            text   not null,
    state            text   not null check (state in ('open', 'settled', 'unsettled')),
    outcome          text,
    http_status      bigint,
    error_code       text,
    input_tokens     bigint,
    cached_tokens    bigint,
    output_tokens    bigint,
    reasoning_tokens bigint,
    estimated        bigint not null,
    billing_unknown  bigint not null,
    started_at       bigint not null,
    settled_at       bigint,
    latency_ms       bigint,
    ttft_ms          bigint,
    primary key (request_id, attempt)
);
create index attempts_by_workspace on attempts (workspace_id, started_at);
create index attempts_open_by_node on attempts (node_id) where state = 'open';

create table journal_offsets (
    node_id      text   not null primary key,
    segment      bigint not null,
    offset_bytes bigint not null
);

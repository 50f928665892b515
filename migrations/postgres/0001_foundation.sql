-- Times are unix milliseconds, ids are text with a prefix, booleans are 0 or 1, sealed values are envelopes only the vault opens.

create table instance (
    one        bigint not null primary key check (one = 1),
    id         text   not null,
    salt       bytea  not null,
    created_at bigint not null,
    set_up_at  bigint
);

-- `accepts` says whether a value sealed by the version may still be written: for a moment after it stepped down as well, so
-- that nothing that is under way fails.
create table keyring (
    version     bigint not null primary key,
    state       text   not null check (state in ('staged', 'active', 'decrypt_only', 'retired')),
    check_value bytea  not null,
    accepts     bigint not null,
    created_at  bigint not null
);
create unique index keyring_one_active on keyring (state) where state = 'active';

-- How the latest change of the master key or of the suite is going. Whoever does the work holds a lease on the row.
create table reseal_job (
    one         bigint not null primary key check (one = 1),
    state       text   not null check (state in ('staged', 'switching', 'resealing', 'blocked', 'done')),
    -- What every row is to be sealed by.
    key_version bigint not null,
    suite       text   not null,
    -- The setting when it began: a start under another one changes the suite.
    configured  text   not null,
    -- Rows that did not open in the latest pass.
    closed      bigint not null,
    runner      text,
    runs_until  bigint not null,
    started_at  bigint,
    finished_at bigint
);

create table instance_secrets (
    name           text   not null primary key,
    sealed         bytea  not null,
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

-- Each chain (a workspace's, or the instance's own) numbers its rows and links each to the one before by a keyed hash.
create table audit (
    seq          bigint not null primary key,
    chain        text   not null,
    position     bigint not null,
    workspace_id text,
    at           bigint not null,
    actor        text   not null,
    came_from    text,
    action       text   not null,
    subject      text   not null,
    detail       text   not null,
    link         bytea  not null,
    unique (chain, position)
);

-- Where each chain ends, so that rows missing at its end are missed.
create table audit_heads (
    chain    text   not null primary key,
    position bigint not null,
    link     bytea  not null,
    seal     bytea  not null
);

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
    plan       text   not null,
    settings   text   not null,
    version    bigint not null,
    salt       bytea  not null,
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

create table invitations (
    id           text   not null primary key,
    workspace_id text   not null references workspaces (id) on delete cascade,
    email        text   not null,
    role         text   not null check (role in ('owner', 'admin', 'member')),
    token_hash   bytea  not null unique,
    invited_by   text   not null,
    created_at   bigint not null,
    expires_at   bigint not null,
    accepted_at  bigint,
    revoked_at   bigint
);
create index invitations_by_workspace on invitations (workspace_id);

create table projects (
    id           text   not null primary key,
    workspace_id text   not null references workspaces (id) on delete cascade,
    name         text   not null,
    settings     text   not null,
    version      bigint not null,
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
    -- Custom endpoints only: what their models are addressed by.
    name                 text,
    label                text,
    base_url             text,
    origin               text   not null,
    sealed               bytea,
    key_version          bigint,
    sealed_version       bigint not null,
    key_prefix           text   not null,
    is_default           bigint not null,
    is_active            bigint not null,
    allowed_models       text,
    data_policy          text,
    tier                 text,
    tier_source          text   check (tier_source in ('auto_detected', 'user_specified', 'default')),
    version              bigint not null,
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
create unique index provider_keys_one_per_project
    on provider_keys (workspace_id, project_id, provider) where project_id is not null and provider <> 'custom';
create unique index provider_keys_one_per_name
    on provider_keys (workspace_id, coalesce(project_id, ''), name) where name is not null;

-- After a rotation the token before it may live on for a while.
create table gateway_keys (
    id             text   not null primary key,
    workspace_id   text   not null references workspaces (id) on delete cascade,
    project_id     text,
    user_id        text   not null references users (id),
    name           text   not null,
    token_hash     bytea  not null unique,
    previous_hash  bytea  unique,
    previous_until bigint,
    shown          text   not null,
    scopes         text   not null,
    policy         text   not null,
    version        bigint not null,
    expires_at     bigint,
    blocked_at     bigint,
    revoked_at     bigint,
    created_at     bigint not null,
    foreign key (workspace_id, project_id) references projects (workspace_id, id) on delete cascade
);
create index gateway_keys_by_workspace on gateway_keys (workspace_id, project_id, id);

-- Any other sealed value. Names with a colon are ours.
create table secrets (
    id             text   not null primary key,
    workspace_id   text   not null references workspaces (id) on delete cascade,
    name           text   not null,
    category       text   not null,
    description    text,
    sealed         bytea  not null,
    key_version    bigint not null,
    sealed_version bigint not null,
    version        bigint not null,
    created_at     bigint not null,
    updated_at     bigint not null,
    unique (workspace_id, name)
);

-- One-time pages on which a person pastes a value that nobody else sees.
create table uploads (
    token_hash   bytea  not null primary key,
    workspace_id text   not null references workspaces (id) on delete cascade,
    asked_by     text   not null,
    request      text   not null,
    created_at   bigint not null,
    expires_at   bigint not null,
    used_at      bigint
);

-- Creations that carried an Idempotency-Key, and what was answered, without the secret.
create table answers (
    caller      text   not null,
    key         text   not null,
    fingerprint bytea  not null,
    answer      text   not null,
    at          bigint not null,
    primary key (caller, key)
);

-- When a caller last managed keys: the limit a minute holds across nodes and restarts.
create table key_operations (
    caller text   not null primary key,
    recent text   not null,
    at     bigint not null
);

create table nodes (
    id         text   not null primary key,
    version    text   not null,
    -- The versions of the master key it holds.
    keys       text   not null,
    started_at bigint not null,
    seen_at    bigint not null
);

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
    cache_write_tokens bigint,
    cache_write_long_tokens bigint,
    output_tokens    bigint,
    reasoning_tokens bigint,
    audio_input_tokens bigint,
    searches         bigint,
    service_tier     text,
    estimated        bigint not null,
    billing_unknown  bigint not null,
    -- What was reserved of the caps, in pico-USD; null where nothing was.
    hold_pico_usd    bigint,
    -- Whole micro-USD and the rest in pico-USD; null where no price is known. While it runs: what its last checkpoint came to.
    cost_micro_usd   bigint,
    cost_pico_rest   bigint,
    -- Whose price, and of when.
    price            text,
    -- The hour that it counts for: that of the request's reservation.
    hour             bigint not null,
    started_at       bigint not null,
    settled_at       bigint,
    latency_ms       bigint,
    ttft_ms          bigint,
    primary key (request_id, attempt)
);
create index attempts_by_workspace on attempts (workspace_id, started_at, request_id, attempt);
create index attempts_unsettled on attempts (workspace_id, started_at, request_id, attempt) where state = 'unsettled';
create index attempts_open_by_node on attempts (node_id) where state = 'open';

create table journal_offsets (
    node_id      text   not null primary key,
    segment      bigint not null,
    offset_bytes bigint not null
);

-- Sums of the ledger by hour, kept in the transaction that folds an attempt in. An attempt counts once it has ended.
create table usage_hours (
    workspace_id     text   not null,
    hour             bigint not null,
    project_id       text   not null,
    gateway_key_id   text   not null,
    provider_key_id  text   not null,
    provider         text   not null,
    model            text   not null,
    payer            text   not null,
    -- Attempts that were the first of their request.
    requests         bigint not null,
    attempts         bigint not null,
    failures         bigint not null,
    -- Ended without a price that is known.
    unpriced         bigint not null,
    unsettled        bigint not null,
    input_tokens     bigint not null,
    cached_tokens    bigint not null,
    cache_write_tokens bigint not null,
    output_tokens    bigint not null,
    reasoning_tokens bigint not null,
    cost_micro_usd   bigint not null,
    cost_pico_rest   bigint not null,
    latency_ms       bigint not null,
    ttft_ms          bigint not null,
    -- How many of them told a time to their first token.
    ttft_count       bigint not null,
    primary key (workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model, payer)
);
create index usage_hours_by_gateway_key on usage_hours (gateway_key_id, hour);

-- The same by day (UTC), so that a month is not seven hundred hours of every kind.
create table usage_days (
    workspace_id     text   not null,
    day              bigint not null,
    project_id       text   not null,
    gateway_key_id   text   not null,
    provider_key_id  text   not null,
    provider         text   not null,
    model            text   not null,
    payer            text   not null,
    requests         bigint not null,
    attempts         bigint not null,
    failures         bigint not null,
    unpriced         bigint not null,
    unsettled        bigint not null,
    input_tokens     bigint not null,
    cached_tokens    bigint not null,
    cache_write_tokens bigint not null,
    output_tokens    bigint not null,
    reasoning_tokens bigint not null,
    cost_micro_usd   bigint not null,
    cost_pico_rest   bigint not null,
    latency_ms       bigint not null,
    ttft_ms          bigint not null,
    ttft_count       bigint not null,
    primary key (workspace_id, day, project_id, gateway_key_id, provider_key_id, provider, model, payer)
);

-- What a capped scope has spent in a period: a gateway key, a project, a workspace, or a workspace's pool (in tokens, a micro
-- each). A row is made when it is first reserved from, out of the sums above, and kept up in the transaction of each fold.
create table budgets (
    scope        text   not null,
    period_start bigint not null,
    period_end   bigint not null,
    spent_micro  bigint not null,
    spent_rest   bigint not null,
    -- The part of it that no attempt shows: leases of nodes that were given up.
    forgotten_micro bigint not null,
    forgotten_rest  bigint not null,
    -- What was spent when somebody last looked whether people are to be told.
    looked_micro    bigint not null default 0,
    primary key (scope, period_start, period_end)
);
create index budgets_to_look_at on budgets (scope) where spent_micro <> looked_micro;

-- Shares of caps that people were told of: once each, whichever node sees it.
create table cap_notices (
    scope        text   not null,
    period_start bigint not null,
    period_end   bigint not null,
    share        bigint not null,
    at           bigint not null,
    primary key (scope, period_start, period_end, share)
);

-- What a node may spend of a budget without asking, and what of it is spent and folded in.
create table leases (
    scope         text   not null,
    period_start  bigint not null,
    period_end    bigint not null,
    node_id       text   not null,
    granted_micro bigint not null,
    granted_rest  bigint not null,
    used_micro    bigint not null,
    used_rest     bigint not null,
    primary key (scope, period_start, period_end, node_id)
);

//! A small world to plan in: some providers, a workspace with one project and a gateway key, and an operator's pool.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use model::plan::Plans;
use model::settings::{FallbackCause, PlatformFallback};
use model::{
    BaseUrl, Catalogue, DataPolicy, GatewayKeyId, KeyPolicy, Operation, ProjectId, ProviderKeyId,
    Refusal, ScopeSet, Settings, Timestamp, UserId, WorkspaceId,
};
use store::workspace::{
    GatewayKeyRow, Health, ProjectRow, ProviderKeyRow, Validation, WorkspaceRow,
};
use vault::WorkspaceSalt;
use wire::Wishes;

use crate::asked::{Asked, Pricing};
use crate::authenticate::Caller;
use crate::authorize::{Acting, act};
use crate::breaker::Breakers;
use crate::directory::{Identity, WorkspaceEntry};
use crate::headroom::Headroom;
use crate::plan::{Candidate, Plan, Reason, World, plan};

pub const NOW: Timestamp = Timestamp::from_unix_ms(1_774_000_800_000);

/// `big` is a flagship, `claude-4-5` premium, the rest with a price economical; `llama` is at two hosts.
const MODELS: &str = r#"
sources = { T = { name = "made up", as_of = 2026-01-01 } }
[models.openai]
big = { kind = "chat", price = { usd = { input = "5", output = "20" } }, sources = "T" }
newest = { kind = "chat", only = ["responses"], sources = "T" }
small = { kind = "chat", context = 1000, price = { usd = { input = "0.5", output = "1" } }, sources = "T" }
vectors = { kind = "embedding", price = { usd = { input = "0.1", output = "0" } }, sources = "T" }
[models.anthropic]
claude-4-5 = { kind = "chat", price = { usd = { input = "3", output = "10" } }, sources = "T" }
[models.groq]
llama = { kind = "chat", price = { usd = { input = "0.1", output = "0.2" } }, sources = "T" }
[models.together]
llama = { kind = "chat", price = { usd = { input = "0.1", output = "0.3" } }, sources = "T" }
[models.openrouter]
"anthropic/claude-4.5" = { kind = "chat", sources = "T" }
"openai/big" = { kind = "chat", sources = "T" }
"#;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(&providers(), MODELS).expect("valid"));

fn providers() -> String {
    let provider = |id: &str, base_url: &str, speaks: &str, policy: &str| {
        format!(
            "[[provider]]\nid = \"{id}\"\nname = \"The {id}\"\n{base_url}\nauth = \"bearer\"\n\
             speaks = {{ {speaks} }}\nprobe = {{ path = \"/models\" }}\n\
             data_policy = \"{policy}\"\nsource = \"-\"\nas_of = 2026-01-01\n"
        )
    };
    let at = |host: &str| format!("base_url = \"https://{host}.example/v1\"");
    let chat = "chat_completions = \"/chat\"";
    let openai = format!("{chat}, embeddings = \"/embeddings\", responses = \"/responses\"");
    let anthropic = "count_tokens = \"/count\", messages = \"/messages\"";
    [
        provider("openai", &at("openai"), &openai, "no_training"),
        provider("anthropic", &at("anthropic"), anthropic, "none"),
        provider("groq", &at("groq"), chat, "none"),
        provider("together", &at("together"), chat, "none"),
        provider("openrouter", &at("openrouter"), chat, "none"),
        provider("custom", "", chat, "none"),
    ]
    .concat()
}

pub struct Scene {
    pub catalogue: Catalogue,
    pub headroom: Headroom,
    pub breakers: Breakers,
    pub workspace: Settings,
    pub project: Settings,
    pub policy: KeyPolicy,
    pub plan: &'static str,
    pub own: Vec<ProviderKeyRow>,
    pub pool: Vec<ProviderKeyRow>,
    made: u32,
}

impl Scene {
    pub fn new() -> Self {
        Self {
            catalogue: CATALOGUE.clone(),
            headroom: Headroom::default(),
            breakers: Breakers::default(),
            workspace: Settings::default(),
            project: Settings::default(),
            policy: KeyPolicy::default(),
            plan: "self_hosted",
            own: Vec::new(),
            pool: Vec::new(),
            made: 0,
        }
    }

    /// A key of the workspace; its label is what plans are shown by.
    pub fn own(&mut self, provider: &str, label: &str) -> &mut ProviderKeyRow {
        let row = self.row(provider, label);
        self.own.push(row);
        self.own.last_mut().expect("just pushed")
    }

    pub fn of_project(&mut self, provider: &str, label: &str) -> &mut ProviderKeyRow {
        let row = self.own(provider, label);
        row.project = Some(project_id());
        row
    }

    pub fn platform(&mut self, provider: &str, label: &str) -> &mut ProviderKeyRow {
        let row = self.row(provider, label);
        self.pool.push(row);
        self.pool.last_mut().expect("just pushed")
    }

    /// Somebody's own endpoint.
    pub fn endpoint(&mut self, name: &str) -> &mut ProviderKeyRow {
        let row = self.own("custom", name);
        let url = format!("https://{name}.example/v1");
        row.name = Some(name.to_owned());
        row.base_url = Some(BaseUrl::parse(&url).expect("a URL"));
        row.origin = format!("https://{name}.example:443");
        row
    }

    pub fn id(&self, label: &str) -> ProviderKeyId {
        let mut rows = self.own.iter().chain(&self.pool);
        rows.find(|row| row.label.as_deref() == Some(label)).expect(label).id
    }

    /// Nothing is left of it for ten seconds.
    pub fn exhaust(&self, label: &str, model: Option<&str>) {
        self.exhaust_for(label, model, 10);
    }

    pub fn exhaust_for(&self, label: &str, model: Option<&str>, seconds: u64) {
        let until = NOW.plus(Duration::from_secs(seconds));
        self.headroom.cool_down(self.id(label), model, until);
    }

    fn row(&mut self, provider: &str, label: &str) -> ProviderKeyRow {
        self.made += 1;
        let base_url = self.catalogue.provider(provider).and_then(|it| it.base_url.as_ref());
        ProviderKeyRow {
            id: format!("pk_{:032x}", self.made).parse().expect("an id"),
            project: None,
            provider: provider.to_owned(),
            name: None,
            label: Some(label.to_owned()),
            base_url: None,
            origin: base_url.map(|url| url.origin().to_string()).unwrap_or_default(),
            sealed: None,
            key_version: None,
            sealed_version: 1,
            key_prefix: String::new(),
            is_default: false,
            is_active: true,
            allowed_models: None,
            data_policy: None,
            tier: None,
            tier_source: None,
            version: 1,
            validation: Validation::Valid,
            health: Health::Healthy,
            last_health_error: None,
            last_health_check_at: None,
            last_used_at: None,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    pub fn acting(&self) -> Acting {
        let row = GatewayKeyRow {
            id: GatewayKeyId::NIL,
            workspace: workspace_id(),
            project: Some(project_id()),
            owner: UserId::NIL,
            name: String::new(),
            token_hash: Vec::new(),
            previous: None,
            shown: String::new(),
            scopes: ScopeSet::parse(["*"]).expect("all scopes"),
            policy: self.policy.clone(),
            version: 1,
            expires_at: None,
            blocked_at: None,
            revoked_at: None,
            created_at: NOW,
        };
        let project = ProjectRow {
            id: project_id(),
            name: "default".to_owned(),
            settings: self.project.clone(),
            version: 1,
            created_at: NOW,
        };
        let settings = self.workspace.clone();
        let workspace =
            self.entry(workspace_id(), settings, vec![project], &self.own).expect("a default");
        let key = Arc::new(Identity::new(row, &self.catalogue));
        act(Caller { key, workspace }, None).expect("may ask models")
    }

    pub fn world(&self) -> World<'_> {
        let pool = self.entry(WorkspaceId::NIL, Settings::default(), Vec::new(), &self.pool);
        World {
            catalogue: &self.catalogue,
            headroom: &self.headroom,
            breakers: &self.breakers,
            platform: pool,
            now: NOW,
        }
    }

    fn entry(
        &self,
        id: WorkspaceId,
        settings: Settings,
        projects: Vec<ProjectRow>,
        keys: &[ProviderKeyRow],
    ) -> Option<Arc<WorkspaceEntry>> {
        let row = WorkspaceRow {
            id,
            name: String::new(),
            plan: self.plan.to_owned(),
            settings,
            version: 1,
            salt: Vec::new(),
            created_at: NOW,
        };
        let salt = WorkspaceSalt::from_bytes(&[7; 32]).expect("32 bytes");
        let keys = keys.to_vec();
        WorkspaceEntry::new(row, salt, projects, keys, &Plans::shipped(), &self.catalogue)
            .map(Arc::new)
    }

    pub fn try_plan<'a>(&'a self, asked: &Asked<'a>) -> Result<Plan<'a>, Refusal> {
        plan(&self.world(), &self.acting(), asked)
    }

    pub fn plan<'a>(&'a self, asked: &Asked<'a>) -> Plan<'a> {
        self.try_plan(asked).expect("a plan")
    }

    /// The attempts for a chat with this model, as `shown`.
    pub fn chat(&self, model: &str) -> Vec<String> {
        self.shown(&self.plan(&chat(model)))
    }

    /// `provider/model label`, in order.
    pub fn shown(&self, plan: &Plan<'_>) -> Vec<String> {
        plan.attempts.iter().map(shown).collect()
    }

    pub fn refusal(&self, asked: &Asked<'_>) -> Refusal {
        match self.try_plan(asked) {
            Err(refusal) => refusal,
            Ok(plan) => {
                assert_eq!(self.shown(&plan), [""; 0]);
                plan.refusal(workspace_id())
            }
        }
    }

    /// Why a key was left out of a chat with this model.
    pub fn reason(&self, model: &str, label: &str) -> Reason {
        let plan = self.plan(&chat(model));
        let id = self.id(label);
        let exclusion = plan.exclusions.iter().find(|exclusion| exclusion.key == Some(id));
        exclusion.expect(label).reason.clone()
    }
}

pub fn shown(candidate: &Candidate<'_>) -> String {
    let label = candidate.key.row.label.as_deref().expect("every key has one");
    format!("{}/{} {label}", candidate.provider.id, candidate.model)
}

pub fn workspace_id() -> WorkspaceId {
    format!("ws_{:032x}", 1).parse().expect("an id")
}

pub fn project_id() -> ProjectId {
    format!("prj_{:032x}", 1).parse().expect("an id")
}

pub fn other_project() -> ProjectId {
    format!("prj_{:032x}", 2).parse().expect("an id")
}

pub fn chat<'a>(model: &str) -> Asked<'a> {
    asked(Operation::ChatCompletions, model)
}

pub fn asked<'a>(operation: Operation, model: &str) -> Asked<'a> {
    Asked {
        operation,
        model: Some(model.to_owned()),
        stream: false,
        wishes: Wishes::default(),
        passthrough: None,
        body_bytes: 0,
        output_tokens_max: None,
        pricing: Pricing::of(operation),
    }
}

pub fn wishing<'a>(model: &str, wishes: Wishes) -> Asked<'a> {
    Asked { wishes, ..chat(model) }
}

pub fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn only(causes: &[FallbackCause]) -> PlatformFallback {
    PlatformFallback(causes.to_vec())
}

pub const ZDR: Option<DataPolicy> = Some(DataPolicy::Zdr);

//! A cap in the way, in words and numbers.

use model::settings::CapMode;
use model::{CapScope, Code, PicoUsd, Refusal};
use store::budget::{Exceeded, Unheld};

use crate::plan::Standing;

pub fn refusal(unheld: Unheld, standing: &Standing<'_>) -> Refusal {
    match unheld {
        Unheld::Exceeded(exceeded) => exceeds(&exceeded, standing),
        Unheld::Unavailable(error) => {
            let public = "the database does not answer, and nothing is spent under a cap that cannot be counted";
            Refusal::new(Code::StorageUnavailable, public).retry_after(1).because(error)
        }
    }
}

fn exceeds(exceeded: &Exceeded, standing: &Standing<'_>) -> Refusal {
    let Exceeded { cap, standing: at, wanted, ends } = exceeded;
    let (what, unit, setting) = match cap.scope {
        CapScope::GatewayKey(id) => (format!("gateway key {id}"), "micro-USD", CAP),
        CapScope::Pool(id) => (format!("workspace {id}"), "tokens", POOL),
        CapScope::Project(id) => (format!("project {id}"), "micro-USD", CAP),
        CapScope::Workspace(id) => (format!("workspace {id}"), "micro-USD", CAP),
    };
    let [cap_amount, spent, held] = [cap.amount, at.spent, at.held].map(shown);
    let needs = match cap.mode {
        CapMode::Soft => "and nothing is left of it".to_owned(),
        CapMode::Strict => format!("and this request may need {}", shown(PicoUsd(wanted.0.max(0)))),
    };
    let until = match ends.unix_ms() {
        i64::MAX => String::new(),
        _ => format!(", or wait until {ends}"),
    };
    let public = format!(
        "{what} may spend {cap_amount} {unit}, of which {spent} are spent and {held} held for calls in flight, \
         {needs}: {setting}{until}"
    );
    let code = match cap.scope {
        CapScope::Pool(_) => Code::QuotaExceeded,
        _ => Code::SpendCapExceeded,
    };
    tracing::debug!(workspace = %standing.workspace.id, cap = %cap.scope, "a cap refused a request");
    Refusal::new(code, public)
}

/// Rounded once, for people.
fn shown(amount: PicoUsd) -> String {
    amount.rounded().to_string()
}

const CAP: &str = "raise spend_cap_micro_usd, set a smaller output limit";
const POOL: &str = "use a provider key of your own, or ask the operator for another plan";

//! Requests and tokens a minute: taken from the key's, the project's and the workspace's limits, or from none of them.

use std::time::Duration;

use model::{Code, Refusal};
use store::rate::{Counted, Exceeded, Left, Limit, RateLimits, Standing, Subject, Taken};

use super::Acting;

/// What one request took.
#[must_use]
pub struct Rates {
    taken: Vec<Taken>,
    standing: Standing,
}

impl Rates {
    pub async fn take(limits: &RateLimits, acting: &Acting, tokens: u64) -> Result<Self, Refusal> {
        let rules = acting.rules()?;
        let key = acting.key().limits();
        let subjects = [
            (Subject::GatewayKey(acting.key().id), key),
            (Subject::Project(acting.project()), rules.project_limit()),
            (Subject::Workspace(acting.workspace().id), rules.workspace_limit()),
        ];
        let mut rates = Self { taken: Vec::new(), standing: Standing::default() };
        for (subject, limit) in subjects {
            if limit == Limit::default() {
                continue;
            }
            let taken = match limits.take(subject, limit, tokens).await {
                Ok(taken) => taken,
                Err(exceeded) => {
                    rates.taken.into_iter().for_each(Taken::give_back);
                    return Err(refusal(subject, limit, &exceeded));
                }
            };
            let standing = taken.standing();
            rates.standing.requests = nearest(rates.standing.requests, standing.requests);
            rates.standing.tokens = nearest(rates.standing.tokens, standing.tokens);
            rates.taken.push(taken);
        }
        Ok(rates)
    }

    /// What asks no model is a request all the same, without tokens.
    pub async fn count(limits: &RateLimits, acting: &Acting) -> Result<(), Refusal> {
        drop(Self::take(limits, acting, 0).await?);
        Ok(())
    }

    /// How the caller stands with its nearest limits.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Once: what was reserved and not used is given back.
    pub fn settle(&mut self, tokens_used: u64) {
        for taken in self.taken.drain(..) {
            taken.settle(tokens_used);
        }
    }
}

/// The one that is used up first.
fn nearest(one: Option<Left>, other: Option<Left>) -> Option<Left> {
    one.into_iter().chain(other).min_by_key(|left| left.remaining)
}

fn refusal(subject: Subject, limit: Limit, exceeded: &Exceeded) -> Refusal {
    let whose = match subject {
        Subject::GatewayKey(id) => format!("gateway key {id}"),
        Subject::Project(id) => format!("project {id}"),
        Subject::Workspace(id) => format!("workspace {id}"),
    };
    let (count, what) = match exceeded.what {
        Counted::Requests => (limit.requests_per_minute, "requests"),
        Counted::Tokens => (limit.tokens_per_minute, "tokens"),
    };
    let count = count.unwrap_or_default();
    let Some(wait) = exceeded.retry_after else {
        let public = format!(
            "{whose} may use {count} {what} a minute, and this request alone needs more: raise the \
             limit, or send less"
        );
        return Refusal::new(Code::RateLimited, public).retry_after(MINUTE_SECONDS);
    };
    let public = format!("{whose} may use {count} {what} a minute, and they are used up");
    Refusal::new(Code::RateLimited, public).retry_after(whole_seconds(wait))
}

const MINUTE_SECONDS: u64 = 60;

/// Never too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Clock, Timestamp};

    use super::*;
    use crate::plan::tests::scene::{NOW, Scene};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            NOW
        }
    }

    #[tokio::test]
    async fn a_refusal_takes_nothing_from_the_limits_before_it_and_the_nearest_limit_is_shown() {
        let mut scene = Scene::new();
        scene.policy.rpm_limit = Some(3);
        scene.workspace.rpm_limit = Some(1);
        let limits = RateLimits::in_memory(Arc::new(Still));
        let left = |rates: &Rates| rates.standing().requests.map(|left| left.remaining);

        let first = Rates::take(&limits, &scene.acting(), 1).await.expect("room");
        assert_eq!(left(&first), Some(0), "the workspace's");
        for _ in 0..5 {
            assert!(Rates::take(&limits, &scene.acting(), 1).await.is_err());
        }

        scene.workspace.rpm_limit = None;
        let second = Rates::take(&limits, &scene.acting(), 1).await.expect("room");
        assert_eq!(left(&second), Some(1), "two of three are taken");
    }
}

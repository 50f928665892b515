//! Puts calls that fail again and again behind the others. Drops none: the last hope is tried.

use model::settings::FallbackCause;

use super::{Candidate, Payer};

/// A platform key that may not stand in for own ones that failed stays behind them.
pub fn put_back<'a>(
    attempts: Vec<Candidate<'a>>,
    is_open: impl Fn(&Candidate<'a>) -> bool,
) -> Vec<Candidate<'a>> {
    if attempts.len() < 2 {
        return attempts;
    }
    let open: Vec<bool> = attempts.iter().map(is_open).collect();
    let stays = |(candidate, is_open): (&Candidate<'_>, &bool)| {
        !is_open && !waits_for(candidate, &attempts, &open)
    };
    let stays: Vec<bool> = attempts.iter().zip(&open).map(stays).collect();
    let mut stays = stays.into_iter();
    let (mut order, back): (Vec<_>, Vec<_>) =
        attempts.into_iter().partition(|_| stays.next() == Some(true));
    order.extend(back);
    order
}

fn waits_for(candidate: &Candidate<'_>, attempts: &[Candidate<'_>], open: &[bool]) -> bool {
    let after = &candidate.only_after;
    let stands_in_for =
        |own: &Candidate<'_>| own.payer == Payer::Byok && own.rank == candidate.rank;
    !after.is_empty()
        && !after.contains(&FallbackCause::Failed)
        && attempts.iter().zip(open).any(|(own, is_open)| *is_open && stands_in_for(own))
}

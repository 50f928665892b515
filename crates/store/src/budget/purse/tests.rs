//! A purse against the simplest one there could be: a list of what is held and what was spent.

use proptest::prelude::*;

use super::*;

/// One node, one cap: whatever is taken must fit under it beside all that is held and spent.
#[derive(Default)]
struct Reference {
    cap: i128,
    spent: i128,
    holds: Vec<i128>,
}

impl Reference {
    fn left(&self) -> i128 {
        self.cap - self.spent - self.holds.iter().sum::<i128>()
    }

    fn take(&mut self, least: i128, most: i128) -> Option<i128> {
        let taken = self.left().max(0).min(most);
        if taken < least {
            return None;
        }
        self.holds.push(taken);
        Some(taken)
    }

    fn settle(&mut self, at: usize, cost: i128) -> i128 {
        self.spent += cost;
        self.holds.remove(at)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Hold {
        least: i128,
        most: i128,
    },
    Settle {
        at: usize,
        cost: i128,
    },
    SetCap(i128),
    /// The lease is asked for again, or given back.
    Renew,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_i128..50, 0_i128..50)
            .prop_map(|(a, b)| Step::Hold { least: a.min(b), most: a.max(b) }),
        4 => (0_usize..8, 0_i128..60).prop_map(|(at, cost)| Step::Settle { at, cost }),
        1 => (0_i128..300).prop_map(Step::SetCap),
        2 => Just(Step::Renew),
    ]
}

/// What the database would grant to one node alone.
fn lease(purse: &mut Purse, cap: PicoUsd, now: Instant) {
    let before = purse.freeze();
    let room = (cap.0 - purse.used).max(0);
    let open = room.max(before.bound().0 - purse.used);
    let granted = Granted {
        granted: PicoUsd(purse.used + open),
        excess: PicoUsd(open - room),
        used: PicoUsd(purse.used),
        spent: PicoUsd(purse.used),
        held_elsewhere: PicoUsd(0),
        is_all: true,
    };
    purse.granted(cap, &granted, now);
}

proptest! {
    #[test]
    fn a_purse_takes_and_refuses_as_the_simplest_one_does(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let now = Instant::now();
        let (mut purse, mut reference) = (Purse::new(now), Reference::default());
        for step in steps {
            match step {
                Step::Hold { least, most } => {
                    let cap = PicoUsd(reference.cap);
                    let need = Need { least: PicoUsd(least), most: PicoUsd(most), is_postpaid: false };
                    let taken = purse.take(cap, need, true).or_else(|| {
                        lease(&mut purse, cap, now);
                        purse.take(cap, need, false)
                    });
                    prop_assert_eq!(taken.map(|it| it.0), reference.take(least, most));
                }
                Step::Settle { at, cost } if at < reference.holds.len() => {
                    let held = reference.settle(at, cost);
                    purse.settle(PicoUsd(held), PicoUsd(cost), now);
                }
                Step::Settle { .. } => {}
                Step::SetCap(cap) => reference.cap = cap,
                Step::Renew => lease(&mut purse, PicoUsd(reference.cap), now),
            }
            let standing = purse.standing();
            prop_assert_eq!(standing.spent.0, reference.spent);
            prop_assert_eq!(standing.held.0, reference.holds.iter().sum::<i128>());
        }
    }
}

#[test]
fn whoever_pays_afterwards_is_served_while_anything_is_left() {
    let now = Instant::now();
    let mut purse = Purse::new(now);
    let cap = Cap {
        scope: model::CapScope::Workspace(model::WorkspaceId::NIL),
        amount: PicoUsd(10),
        period: model::settings::CapPeriod::Never,
        mode: CapMode::Soft,
    };
    let need = Need::of(&cap, PicoUsd(500), PicoUsd(900));
    lease(&mut purse, cap.amount, now);

    let first = purse.take(cap.amount, need, true);
    purse.settle(PicoUsd(0), PicoUsd(9), now);
    let second = purse.take(cap.amount, need, true);
    purse.settle(PicoUsd(0), PicoUsd(9), now);

    assert_eq!((first, second), (Some(PicoUsd(0)), Some(PicoUsd(0))));
    assert_eq!(purse.take(cap.amount, need, true), None);
    lease(&mut purse, cap.amount, now);
    assert_eq!(purse.take(cap.amount, need, false), None);
    assert_eq!(purse.standing().spent, PicoUsd(18));
}

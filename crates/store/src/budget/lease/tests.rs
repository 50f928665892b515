//! What a node is granted, by arithmetic alone.

use model::ProjectId;

use super::*;

fn ask(cap: i128, bound: i128, wanted: i128, share_of: u32) -> Ask {
    Ask {
        scope: CapScope::Project(ProjectId::NIL),
        workspace: WorkspaceId::NIL,
        period: Period::ENDLESS,
        node: NodeId::NIL,
        cap: PicoUsd(cap),
        bound: PicoUsd(bound),
        wanted: PicoUsd(wanted),
        share_of,
        gives_back: false,
    }
}

fn seen(spent: i128, granted: i128, used: i128, held_elsewhere: i128) -> Granted {
    let [granted, used, spent, held_elsewhere] =
        [granted, used, spent, held_elsewhere].map(PicoUsd);
    Granted { granted, used, spent, held_elsewhere, ..Granted::default() }
}

#[test]
fn one_node_leases_all_that_is_left() {
    let granted = grant(&ask(100, 0, 1, 1), &seen(30, 0, 0, 0));

    assert_eq!((granted.granted, granted.is_all), (PicoUsd(70), true));
    let again = grant(&ask(100, 50, 1, 1), &seen(70, 70, 40, 0));
    assert_eq!((again.granted, again.is_all), (PicoUsd(70), true), "40 spent here and 30 left");
}

#[test]
fn of_several_each_takes_a_share_and_near_the_cap_what_it_needs() {
    assert_eq!(grant(&ask(1200, 0, 10, 3), &seen(0, 0, 0, 0)).granted, PicoUsd(200));
    assert_eq!(
        grant(&ask(1200, 0, 60, 3), &seen(0, 0, 0, 0)).granted,
        PicoUsd(180),
        "in whole pieces"
    );
    assert_eq!(grant(&ask(100, 0, 60, 3), &seen(0, 0, 0, 0)).granted, PicoUsd(60));
    assert_eq!(
        grant(&ask(100, 0, 60, 3), &seen(20, 0, 0, 40)).granted,
        PicoUsd(40),
        "all there is"
    );
    assert_eq!(grant(&ask(100, 0, 60, 3), &seen(20, 0, 0, 80)).granted, PicoUsd(0));
}

#[test]
fn a_lowered_cap_takes_back_all_but_what_is_spent_or_held() {
    let lowered = grant(&ask(50, 60, 5, 1), &seen(40, 100, 40, 0));

    assert_eq!((lowered.granted, lowered.is_all), (PicoUsd(60), true));
    let given_back = Ask { gives_back: true, ..ask(100, 60, 0, 1) };
    assert_eq!(grant(&given_back, &seen(40, 100, 40, 0)).granted, PicoUsd(60));
}

proptest::proptest! {
    /// Whatever nodes ask in whatever order, what is spent and what may be spent never pass the cap.
    #[test]
    fn all_leases_together_never_pass_the_cap(
        cap in 0_i128..1000,
        steps in proptest::collection::vec((0_usize..3, 0_i128..200, 0_i128..200, 0_u32..4), 1..60),
    ) {
        let mut nodes = [(0_i128, 0_i128); 3];
        for (at, wanted, spends, share_of) in steps {
            let spent: i128 = nodes.iter().map(|(_, used)| used).sum();
            let elsewhere: i128 = nodes.iter().enumerate().filter(|(other, _)| *other != at)
                .map(|(_, (granted, used))| granted - used).sum();
            let (granted, used) = nodes[at];
            let seen = seen(spent, granted, used, elsewhere);
            let granted = grant(&ask(cap, used, wanted, share_of), &seen).granted.0;
            nodes[at] = (granted, used + spends.min(granted - used));
            let outstanding: i128 = nodes.iter().map(|(granted, used)| granted - used).sum();
            let spent: i128 = nodes.iter().map(|(_, used)| used).sum();
            proptest::prop_assert!(spent + outstanding <= cap, "{nodes:?}");
        }
    }
}

//! What a decommission left open: a first key for a retired policy, a suspect beside the last key,
//! a neighbour that cannot be read, and trouble that goes on.

use rekeyd::domain::report::parked;
use rekeyd::domain::state::{ParkReason, Refusal, Request, RequestKind};
use rekeyd::engine::{Halt, Turn};
use rekeyd::sandbox::{CallKind, Edit, Fault as IssuerFault, SERVICE_ACCOUNT, What};

use crate::decommission::{ask, exists, is_proven, on, ready, refused, word};
use crate::neighbours::Fixed;
use crate::world::{Call, Fault, HOUR, leak_of, tester};

const MONTH: i64 = 30 * 24 * HOUR;

/// It was minted for a policy that was retired, given up, and lived on without anybody's knowledge.
#[tokio::test]
async fn a_first_key_that_was_given_up_for_a_retired_policy_lived_on() {
    let (world, mut engine, _) = ready(true).await;
    ask(&mut engine, word(true), 48 * HOUR).await;
    assert_eq!(is_proven(engine.state()), Some(true));
    world.store.fault(Call::Stage, Fault::Denied);
    assert_eq!(ask(&mut engine, Request::AdoptIssued, 48 * HOUR).await, Halt::Reached);
    let why = refused(engine.state());
    assert!(matches!(why, Some((RequestKind::Adopt, Refusal::Trouble { .. }))), "{why:?}");
    assert!(world.live_keys().is_empty(), "{:#?}", engine.state());
    // Nothing brings it back, and nothing is healed where nothing is wanted.
    let calls = world.tenant.ledger().len();
    assert_eq!(on(&mut engine, MONTH).await, Halt::Reached);
    assert_eq!(world.tenant.ledger().len(), calls);
    assert_eq!(world.store.current_key(), Some(String::new()));
    assert_eq!(is_proven(engine.state()), Some(true));
}

/// The last key deleted itself, and nobody was left who could kill the suspect.
#[tokio::test]
async fn a_key_that_is_the_only_actor_deleted_itself_beside_a_live_suspect() {
    let (world, mut engine, key) = ready(false).await;
    ask(&mut engine, word(false), HOUR).await;
    world.pass(25 * HOUR);
    let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id;
    engine.request(leak_of(&[&other], false), tester()).await.unwrap();
    // Somebody enables it again and again.
    for _ in 0..200 {
        if let Turn::Waiting { ms, .. } = engine.turn().await.unwrap() {
            world.pass(ms);
        }
        if !world.tenant.alive(&other) {
            world.person(&Edit::Enable { key: other.clone() });
        }
    }
    assert!(world.tenant.alive(&key), "who kills the suspect now?");
    let told = parked("netsuite-sync", engine.state()).unwrap();
    assert!(told.message.contains("came back to life again and again"), "{}", told.message);
    ask(&mut engine, Request::Resume, 48 * HOUR).await;
    assert!(!world.tenant.alive(&other) && !exists(&world, &key), "{:#?}", engine.state());
    assert_eq!(is_proven(engine.state()), Some(false));
}

/// The park said to type `adopt`, and that was refused.
#[tokio::test]
async fn adopt_did_not_lead_out_where_a_decommission_waited_for_an_unreadable_neighbour() {
    for named in [false, true] {
        let (world, mut engine, key) = ready(named).await;
        ask(&mut engine, word(false), HOUR).await;
        engine.set_neighbours(Fixed::unreadable());
        assert_eq!(on(&mut engine, 48 * HOUR).await, Halt::Parked, "named {named}");
        let park = engine.state().parked.as_ref().map(|park| &park.reason);
        assert!(matches!(park, Some(ParkReason::ElsewhereUnreadable { .. })), "{park:?}");
        assert!(world.tenant.alive(&key));
        let halt = ask(&mut engine, Request::Adopt, 48 * HOUR).await;
        assert_eq!((halt, refused(engine.state())), (Halt::Reached, None), "named {named}");
        assert!(!exists(&world, &key), "named {named}");
        assert_eq!(is_proven(engine.state()), Some(named));
    }
}

/// It failed for ever, and no status asked for anybody.
#[tokio::test]
async fn trouble_in_a_decommission_never_became_a_park_that_somebody_sees() {
    for named in [false, true] {
        for on_call in [CallKind::ApiKeys, CallKind::TokenExchange] {
            let case = format!("named {named}, {on_call:?}");
            let (world, mut engine, key) = ready(named).await;
            ask(&mut engine, word(false), HOUR).await;
            let what = What::Status { status: 502, retry_after_seconds: None, after_effect: false };
            let fault = IssuerFault { on: on_call, nth: 1, count: 1_000_000, key: None, what };
            world.tenant.add_fault(fault).unwrap();
            assert_eq!(on(&mut engine, 48 * HOUR).await, Halt::Parked, "{case}");
            let told = parked("netsuite-sync", engine.state()).unwrap();
            assert!(told.message.contains("failed again and again"), "{case}: {}", told.message);
            assert_eq!(told.next_command, "rekeyd run --once", "{case}: reads are tried again");
            let events = world.journal.events().len();
            on(&mut engine, MONTH).await;
            assert_eq!(world.journal.events().len(), events, "{case}: it is written down for ever");
            assert!(exists(&world, &key), "{case}");
            world.tenant.clear_faults();
            ask(&mut engine, Request::Resume, 48 * HOUR).await;
            assert_eq!(is_proven(engine.state()), Some(named), "{case}");
        }
    }
}

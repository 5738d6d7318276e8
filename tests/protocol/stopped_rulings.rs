//! A person's word that comes to nothing: it stops after a bound, and says so until the word is given
//! again.

use rekeyd::domain::report::orphans;
use rekeyd::domain::state::{Ruling, RulingStop};
use rekeyd::engine::{Engine, Halt};
use rekeyd::sandbox::{CallKind, Fault, What};

use crate::rulings::{exists, fresh, on, rule, sent, stopped};
use crate::world::{HOUR, World};

/// A run every quarter of an hour, for ten hours.
async fn often(world: &World, engine: &mut Engine) {
    for _ in 0..40 {
        world.pass(HOUR / 4);
        on(engine).await;
    }
}

/// The ruling was taken up every ten minutes, and written down each time.
#[tokio::test]
async fn a_delete_that_came_to_nothing_was_taken_up_for_ever() {
    for named in [false, true] {
        let what = What::LostBefore;
        let (world, orphan) = fresh(true, named).await;
        let on_call = CallKind::DeleteApiKey;
        let lost = Fault { on: on_call, nth: 1, count: 1_000_000, key: None, what };
        world.tenant.add_fault(lost).unwrap();
        let mut engine = world.open().await.unwrap();
        rule(&mut engine, &orphan, Ruling::Delete).await;
        often(&world, &mut engine).await;
        let (deletes, events) = (sent(&world, on_call, &orphan), world.journal.events().len());
        assert!(deletes <= 6, "{deletes}");
        often(&world, &mut engine).await;
        assert_eq!(sent(&world, on_call, &orphan), deletes);
        assert_eq!(world.journal.events().len(), events, "it is written down for ever");
        assert_eq!(stopped(engine.state(), &orphan), Some(RulingStop::DeletesSpent));
        assert!(!world.tenant.alive(orphan.as_str()) && exists(&world, &orphan));
        let told = orphans("demo", engine.state()).remove(0);
        assert!(told.ruled().contains("which stopped"), "{told:?}");
        let again = format!("rekeyd orphans delete {orphan} --yes");
        assert_eq!(told.problem.unwrap().next_command, again);

        world.tenant.clear_faults();
        assert_eq!(rule(&mut engine, &orphan, Ruling::Delete).await, Halt::Reached);
        assert!(!exists(&world, &orphan) && engine.state().orphans.is_empty());
    }
}

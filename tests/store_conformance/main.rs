//! What every secret store must do, as one suite that runs against each of them.
//!
//! The file store needs nothing. AWS Secrets Manager runs against the sandbox's stand-in, always,
//! and in all cases; and against moto, which is by others, when `REKEYD_MOTO_URL` names one
//! (`tests/support/moto.sh target/moto cargo test --test store_conformance`); without it those tests
//! say that they are skipped.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod aws;
mod cases;
mod harness;

/// Cases in which moto is not what AWS's documentation says. Each is still run: when one passes,
/// moto has been mended, and the test demands that its line goes.
const MOTO_DEVIATIONS: &[&str] = &[
    // A put with a used token and other content overwrites; AWS: ResourceExistsException.
    "a_used_token_with_other_content_is_a_conflict_and_changes_nothing",
    // A failed move to an unknown version strips AWSCURRENT first; AWS: nothing changes.
    "a_promote_to_an_unknown_version_changes_nothing",
];

macro_rules! suite {
    ($($case:ident)*) => {
        const CASES: &[&str] = &[$(stringify!($case)),*];

        mod file {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::cases::$case(&crate::harness::FileHarness::new()).await;
                }
            )*
        }

        #[cfg(feature = "sandbox")]
        mod sandbox {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::cases::$case(&crate::aws::AwsHarness::in_sandbox().await).await;
                }
            )*
        }

        mod moto {
            $(
                #[tokio::test]
                async fn $case() {
                    let Some(harness) = crate::aws::AwsHarness::in_moto(stringify!($case)).await
                    else {
                        return;
                    };
                    let deviates = crate::MOTO_DEVIATIONS.contains(&stringify!($case));
                    let run = tokio::spawn(async move { crate::cases::$case(&harness).await });
                    match run.await {
                        Ok(()) if deviates => {
                            panic!("moto does it right now: take the case off MOTO_DEVIATIONS")
                        }
                        Err(failed) if !deviates => std::panic::resume_unwind(failed.into_panic()),
                        Ok(()) | Err(_) => {}
                    }
                }
            )*
        }
    };
}

suite! {
    current_is_read_with_its_credential
    a_staged_version_is_pending_and_nothing_else_moves
    a_used_token_with_the_same_content_succeeds_again
    a_used_token_with_other_content_is_a_conflict_and_changes_nothing
    without_a_base_the_object_holds_the_credential_alone
    every_other_field_is_kept_as_it_was_written
    field_names_are_configurable
    an_unknown_base_is_a_conflict
    a_base_that_is_no_object_is_a_misconfiguration
    a_value_that_would_grow_too_large_is_never_sent
    a_promote_moves_current_and_leaves_previous_behind
    a_promote_back_is_a_promote
    a_promote_from_a_stale_version_is_a_conflict_and_changes_nothing
    a_promote_from_nothing_is_a_conflict_where_there_is_a_current
    a_promote_to_an_unknown_version_changes_nothing
    of_two_racing_promotes_one_wins
    labels_come_off_only_the_version_named
    what_is_not_there_is_read_as_absent
    what_is_no_credential_is_read_as_malformed
    a_persons_edit_is_seen_and_bars_a_promote_from_the_old_base
    the_age_of_current_is_told
    a_second_store_object_sees_the_same
    no_secret_is_in_what_can_be_printed
    a_claim_is_told_and_moves_no_label
    the_same_claim_again_changes_nothing
    a_claim_at_a_taken_generation_is_a_conflict
    of_two_racing_claims_one_wins
    an_empty_version_takes_the_place_of_a_credential
}

#[test]
fn every_listed_deviation_is_a_case() {
    for listed in MOTO_DEVIATIONS {
        assert!(CASES.contains(listed), "{listed}");
    }
}

//! A policies directory that is missing: what to type.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_policies_directory_says_what_to_type() {
    let stage = Stage::new().await;
    let policies = stage.path("policies");
    std::fs::remove_dir_all(&policies).unwrap();
    for arguments in [&["check"][..], &["run", "--once"], &["status"], &["rotate", "demo"]] {
        let ended = stage.run(arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{arguments:?}");
        let said = format!(
            "error[settings/no-policies]: there is no policies directory `{0}`\n\
             next: mkdir -p {0}   (or name another: --policies DIR)\n",
            policies.display()
        );
        assert_eq!(ended.err, said, "{arguments:?}");
    }
}

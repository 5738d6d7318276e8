//! The socket's file.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use rekeyd::daemon::control::{BindError, bind, unbind};

use crate::clerk::Counter;

#[tokio::test]
async fn only_its_owner_can_reach_the_socket_and_a_group_where_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let mode = |path: &std::path::Path| path.metadata().unwrap().mode() & 0o777;
    let listener = bind(&path, None).unwrap();
    assert_eq!(mode(&path), 0o600);
    drop(listener);
    let own = rustix::process::getgid().as_raw();
    let _listener = bind(&path, Some(own)).unwrap();
    assert_eq!((mode(&path), path.metadata().unwrap().gid()), (0o660, own));
    unbind(&path);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_a_dead_daemon_left_is_replaced_and_a_live_ones_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.metadata().unwrap().file_type().is_socket());
    let live = bind(&path, None).unwrap();
    assert!(matches!(bind(&path, None), Err(BindError::Live(_))));
    drop(live);
    assert!(bind(&path, None).is_ok());
}

#[tokio::test]
async fn nothing_else_is_ever_removed_and_no_place_of_others_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    std::fs::write(&path, "kept").unwrap();
    assert!(matches!(bind(&path, None), Err(BindError::Taken(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(matches!(bind(&dir.path().join("other"), None), Err(BindError::NotOurs(_))));
    let nowhere = dir.path().join("nowhere").join("control.sock");
    assert!(matches!(bind(&nowhere, None), Err(BindError::Unusable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_socket_is_live() {
    let counter = Counter::usual();
    let path = counter.dir.path().join("control.sock");
    assert!(matches!(bind(&path, None), Err(BindError::Live(_))));
    counter.close().await;
}

//! Kill points, and what a person or a machine can leave in the way.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::domain::ids::KeyId;
use crate::port::Class;

const OLD: &str = "{ \"clientId\": \"old\", \"clientSecret\": \"s3cret-old\", \"n\": 1.0 }\n";

fn id(text: &str) -> VersionId {
    VersionId::new(text).unwrap()
}

fn credential(name: &str) -> Credential {
    Credential::new(KeyId::new(name).unwrap(), SecretString::from(format!("s3cret-{name}")))
}

fn place_at(path: &Path) -> Place {
    Place {
        path: path.to_owned(),
        sidecar: Sidecar::beside(path).unwrap(),
        fields: Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() },
    }
}

/// A folder with the main file in it.
fn folder() -> (TempDir, Place) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.json");
    fs::write(&path, OLD).unwrap();
    (folder, place_at(&path))
}

fn key_of(place: &Place, which: &Which) -> Option<String> {
    let stored = place.read(which).unwrap()?;
    match stored.content {
        Content::Credential { credential, .. } => {
            assert_eq!(credential.expose(), format!("s3cret-{}", credential.key()));
            Some(credential.key().to_string())
        }
        Content::Malformed(why) => panic!("malformed: {why}"),
    }
}

fn current(place: &Place) -> VersionId {
    place.describe().unwrap().current.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Everything of a state that is seen from outside.
fn seen(place: &Place) -> (StoreView, Vec<u8>, Vec<Option<String>>) {
    let keys = [Which::Current, Which::Pending, Which::Previous].map(|w| key_of(place, &w));
    let mut view = place.describe().unwrap();
    // A repeated stage is created when it is created.
    view.current_created_ms = None;
    (view, fs::read(&place.path).unwrap(), keys.to_vec())
}

/// Kills `change` at every step it takes on the disk, from the state that `prepare` leaves. Each
/// time the state must be the one before or after, as the answer says, and the repeat must succeed
/// or be told that it already happened.
fn survives_every_kill(
    prepare: impl Fn(&Place),
    change: impl Fn(&Place, &VersionId) -> Result<(), PortError>,
    may_conflict: bool,
) {
    let (_kept, place) = folder();
    prepare(&place);
    let from = current(&place);
    let before = seen(&place);
    change(&place, &from).unwrap();
    let after = seen(&place);
    assert_ne!(before, after, "the change must show");

    let mut kills = 0;
    loop {
        let (folder, place) = folder();
        prepare(&place);
        disk::die_after(kills);
        let answer = change(&place, &from);
        if !disk::survive() {
            answer.unwrap();
            break;
        }
        kills += 1;
        let place = place_at(&folder.path().join("x.json"));
        let state = seen(&place);
        let happened = state == after;
        // A record kept before the step that counts may list what is typed by hand.
        let untouched = (&state.0.current, &state.0.pending, &state.0.previous, &state.1)
            == (&before.0.current, &before.0.pending, &before.0.previous, &before.1);
        assert!(happened || untouched, "kill {kills}: neither before nor after: {state:?}");
        match &answer {
            Ok(()) => assert!(happened, "kill {kills}: Ok without the effect"),
            Err(error) if error.class == Class::Unknown => {}
            Err(error) => assert!(!happened, "kill {kills}: {error} although it happened"),
        }
        match change(&place, &from) {
            Err(error) if happened && may_conflict => assert_eq!(error.class, Class::Conflict),
            repeated => repeated.unwrap(),
        }
        let end = seen(&place);
        assert_eq!(
            (&end.0.current, &end.0.pending, &end.0.previous, &end.1, &end.2),
            (&after.0.current, &after.0.pending, &after.0.previous, &after.1, &after.2)
        );
        // The next change removes whatever the kill left.
        place.stage(&id("next"), Some(&current(&place)), &credential("next")).unwrap();
        let left = names(&folder.path().join(".x.json.versions"));
        assert!(!left.iter().any(|name| name.ends_with(".tmp")), "kill {kills}: {left:?}");
    }
    assert!(kills > 5, "only {kills} kill points");
}

fn stage_new(place: &Place, from: &VersionId) -> Result<(), PortError> {
    place.stage(&id("new"), Some(from), &credential("new"))
}

#[test]
fn a_stage_killed_anywhere_happened_or_did_not() {
    survives_every_kill(|_| {}, stage_new, false);
    survives_every_kill(
        |place| place.stage(&id("first"), None, &credential("first")).unwrap(),
        stage_new,
        false,
    );
}

#[test]
fn a_promote_killed_anywhere_happened_or_did_not() {
    let staged = |place: &Place| stage_new(place, &current(place)).unwrap();
    let promote = |place: &Place, from: &VersionId| place.promote(Some(from), &id("new"));
    survives_every_kill(staged, promote, true);
    // A person's edit after the stage is the base of another promote: it becomes a version first.
    let edited = |place: &Place| {
        stage_new(place, &current(place)).unwrap();
        fs::write(&place.path, OLD.replace("1.0", "2")).unwrap();
    };
    survives_every_kill(edited, promote, true);
}

#[test]
fn taking_a_label_off_killed_anywhere_happened_or_did_not() {
    let promoted = |place: &Place| {
        let from = current(place);
        stage_new(place, &from).unwrap();
        place.promote(Some(&from), &id("new")).unwrap();
    };
    survives_every_kill(
        promoted,
        |place, _| place.take_off(&id("new"), |labels| &mut labels.pending),
        false,
    );
    survives_every_kill(
        promoted,
        |place, _| {
            let Some(previous) = place.describe()?.previous else { return Ok(()) };
            place.take_off(&previous, |labels| &mut labels.previous)
        },
        false,
    );
}

#[test]
fn a_rename_without_its_record_counts_and_is_put_right() {
    let (_folder, place) = folder();
    let base = current(&place);
    stage_new(&place, &base).unwrap();
    // The state between the rename and the record: written by hand, not by the code under test.
    let record = place.path.with_file_name(".x.json.versions").join("labels.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"moving\": null", "\"moving\": \"new\"")).unwrap();
    let new = place.path.with_file_name(".x.json.versions").join("v-new.json");
    fs::copy(&new, &place.path).unwrap();

    let view = place.describe().unwrap();
    assert_eq!((view.current, view.previous), (Some(id("new")), Some(base.clone())));
    place.take_off(&base, |labels| &mut labels.previous).unwrap();
    let view = place.describe().unwrap();
    assert_eq!((view.current, view.previous), (Some(id("new")), None));
}

#[test]
fn what_a_person_types_is_a_version_of_its_own_and_is_not_lost() {
    let (_folder, place) = folder();
    let first = current(&place);
    stage_new(&place, &first).unwrap();
    fs::write(&place.path, OLD.replace("old", "typed")).unwrap();
    let typed = current(&place);
    assert_ne!(typed, first);
    assert_eq!(key_of(&place, &Which::Current).as_deref(), Some("typed"));
    assert_eq!(key_of(&place, &Which::Version(typed.clone())).as_deref(), Some("typed"));
    assert_eq!(key_of(&place, &Which::Pending).as_deref(), Some("new"));
    assert_eq!(key_of(&place, &Which::Version(first.clone())).as_deref(), Some("old"));
    assert_eq!(place.promote(Some(&first), &id("new")).unwrap_err().class, Class::Conflict);
    place.promote(Some(&typed), &id("new")).unwrap();
    assert_eq!(key_of(&place, &Which::Previous).as_deref(), Some("typed"));
    // Copied back by hand: the old version, not another one.
    fs::write(&place.path, OLD).unwrap();
    assert_eq!(current(&place), first);
}

#[test]
fn a_file_that_goes_away_or_turns_into_rubbish_is_tolerated() {
    let (_folder, place) = folder();
    for rubbish in [b"".as_slice(), b"{", b"\xff\xfe", b"[1]"] {
        fs::write(&place.path, rubbish).unwrap();
        let stored = place.read(&Which::Current).unwrap().unwrap();
        assert!(matches!(stored.content, Content::Malformed(_)));
        assert_eq!(Some(stored.version), place.describe().unwrap().current);
    }
    fs::write(&place.path, vec![b'x'; 70_000]).unwrap();
    assert_eq!(place.read(&Which::Current).unwrap().unwrap().size_bytes, 70_000);
    fs::remove_file(&place.path).unwrap();
    assert_eq!(place.describe().unwrap(), StoreView::default());
    assert!(place.read(&Which::Current).unwrap().is_none());
    place.stage(&id("new"), None, &credential("new")).unwrap();
    place.promote(None, &id("new")).unwrap();
    assert_eq!(key_of(&place, &Which::Current).as_deref(), Some("new"));
    assert_eq!(fs::metadata(&place.path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_replacement_keeps_mode_and_owner_of_what_it_replaces() {
    let (_folder, place) = folder();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o640)).unwrap();
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&place.path, Some(12_345), Some(23_456)).unwrap();
    }
    let before = fs::metadata(&place.path).unwrap();
    let base = current(&place);
    stage_new(&place, &base).unwrap();
    place.promote(Some(&base), &id("new")).unwrap();
    let after = fs::metadata(&place.path).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!(
        (before.mode(), before.uid(), before.gid()),
        (after.mode(), after.uid(), after.gid())
    );
}

#[test]
fn what_is_no_plain_file_is_our_misconfiguration_and_names_the_path() {
    let (folder, good) = folder();
    let link = folder.path().join("link.json");
    symlink(&good.path, &link).unwrap();
    let directory = folder.path().join("directory.json");
    fs::create_dir(&directory).unwrap();
    let nowhere = folder.path().join("missing/x.json");
    for path in [&link, &directory, &nowhere] {
        let place = place_at(path);
        let error = place.describe().unwrap_err();
        assert_eq!(error.class, Class::Misconfigured);
        let stem = path.parent().unwrap().to_str().unwrap();
        assert!(error.message.contains(stem), "{error}");
        assert_eq!(
            place.stage(&id("new"), None, &credential("new")).unwrap_err().class,
            Class::Misconfigured
        );
    }
    assert!(FileStore::new("/", good.fields.clone()).is_err());
    assert!(FileStore::new("", good.fields.clone()).is_err());
}

#[test]
fn what_cannot_be_replaced_is_told_before_anything_is_done() {
    let (folder, place) = folder();
    fs::hard_link(&place.path, folder.path().join("other-name.json")).unwrap();
    let view = place.describe().unwrap();
    assert!(view.problems.contains(&StoreProblem::Unwritable));
    let error = stage_new(&place, &view.current.unwrap()).unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(place.describe().unwrap().pending, None);
}

#[test]
fn an_open_or_damaged_versions_folder_is_refused() {
    let (folder, place) = folder();
    stage_new(&place, &current(&place)).unwrap();
    let sidecar = folder.path().join(".x.json.versions");
    assert_eq!(fs::metadata(&sidecar).unwrap().mode() & 0o777, 0o700);
    for name in names(&sidecar) {
        assert_eq!(fs::metadata(sidecar.join(name)).unwrap().mode() & 0o777, 0o600);
    }
    fs::set_permissions(&sidecar, fs::Permissions::from_mode(0o750)).unwrap();
    let error = place.describe().unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert!(error.message.contains("chmod 700"), "{error}");
    fs::set_permissions(&sidecar, fs::Permissions::from_mode(0o700)).unwrap();

    let record = sidecar.join("labels.json");
    let good = fs::read_to_string(&record).unwrap();
    for damaged in ["", "{}", &good.replace("\"schema\": 1", "\"schema\": 2"), "\u{0}"] {
        fs::write(&record, damaged).unwrap();
        assert_eq!(place.describe().unwrap_err().class, Class::Misconfigured);
        assert!(stage_new(&place, &id("any")).is_err());
        assert_eq!(fs::read_to_string(&record).unwrap(), damaged, "never written over");
    }
    fs::remove_file(&record).unwrap();
    assert_eq!(key_of(&place, &Which::Version(id("new"))).as_deref(), Some("new"));
}

#[test]
fn a_version_that_somebody_changed_is_never_promoted() {
    let (folder, place) = folder();
    let base = current(&place);
    stage_new(&place, &base).unwrap();
    let file = folder.path().join(".x.json.versions/v-new.json");
    fs::write(&file, OLD.replace("old", "forged")).unwrap();
    assert_eq!(place.promote(Some(&base), &id("new")).unwrap_err().class, Class::Conflict);
    assert_eq!(fs::read_to_string(&place.path).unwrap(), OLD);
    let stored = place.read(&Which::Pending).unwrap().unwrap();
    assert!(matches!(stored.content, Content::Malformed(_)));
}

#[test]
fn old_versions_go_and_labelled_ones_stay() {
    let (folder, place) = folder();
    let mut from = current(&place);
    for n in 0..15 {
        let version = id(&format!("v{n}"));
        place.stage(&version, Some(&from), &credential(&format!("k{n}"))).unwrap();
        place.promote(Some(&from), &version).unwrap();
        from = version;
    }
    assert_eq!(key_of(&place, &Which::Previous).as_deref(), Some("k13"));
    let gone = place.read(&Which::Version(id("v2"))).unwrap();
    assert!(gone.is_none());
    assert_eq!(key_of(&place, &Which::Version(id("v3"))).as_deref(), Some("k3"));
    assert_eq!(place.describe().unwrap().versions, 12);
    // Twelve versions, the record, and the lock.
    assert_eq!(names(&folder.path().join(".x.json.versions")).len(), 14);
}

#[test]
fn ids_that_would_leave_the_folder_are_refused() {
    let (folder, place) = folder();
    for bad in ["../x", "a/b", ".", "..", "a.json", &"x".repeat(65)] {
        let error = place.stage(&id(bad), None, &credential("new")).unwrap_err();
        assert_eq!(error.class, Class::Misconfigured);
        assert!(place.read(&Which::Version(id(bad))).unwrap().is_none());
    }
    assert_eq!(names(folder.path()), [".x.json.versions", "x.json"]);
    assert_eq!(place.describe().unwrap().pending, None);
}

#[test]
fn a_full_disk_is_retryable_and_a_denied_one_is_our_misconfiguration() {
    use std::io::ErrorKind;
    for (kind, class) in [
        (ErrorKind::StorageFull, Class::Retryable),
        (ErrorKind::QuotaExceeded, Class::Retryable),
        (ErrorKind::Interrupted, Class::Retryable),
        (ErrorKind::PermissionDenied, Class::Misconfigured),
        (ErrorKind::ReadOnlyFilesystem, Class::Misconfigured),
        (ErrorKind::CrossesDevices, Class::Misconfigured),
    ] {
        let error = disk::no_effect("write", Path::new("/x"), &std::io::Error::from(kind));
        assert_eq!(error.class, class, "{kind:?}");
        assert!(error.message.contains("/x"));
    }
    let failed = disk::Failed::Perhaps(std::io::Error::from(ErrorKind::StorageFull));
    assert_eq!(disk::not_replaced(Path::new("/x"), &failed).class, Class::Unknown);
}

#[test]
fn no_byte_of_a_secret_is_in_a_name_an_id_or_an_error() {
    let (folder, place) = folder();
    let base = current(&place);
    stage_new(&place, &base).unwrap();
    place.promote(Some(&base), &id("new")).unwrap();
    let errors = [
        place.promote(Some(&base), &id("new")).unwrap_err(),
        place.stage(&id("new"), None, &credential("other")).unwrap_err(),
        place.promote(Some(&id("new")), &id("none")).unwrap_err(),
        place.stage(&id("a/b"), None, &credential("other")).unwrap_err(),
    ];
    let mut all: Vec<String> = errors.iter().map(|e| format!("{e} {e:?}")).collect();
    all.extend(names(folder.path()));
    all.extend(names(&folder.path().join(".x.json.versions")));
    all.push(fs::read_to_string(folder.path().join(".x.json.versions/labels.json")).unwrap());
    all.push(format!("{:?}", place.describe().unwrap()));
    all.push(format!("{:?}", place.read(&Which::Previous).unwrap()));
    for secret in ["s3cret-old", "s3cret-new", "s3cret-other"] {
        for form in [secret.to_owned(), hex::encode(secret)] {
            assert!(!all.iter().any(|text| text.contains(&form)), "{form} in {all:?}");
        }
    }
}

//! `rekeyd.toml`: the daemon's own settings. The same diagnostics as for policies.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde_json::Value;

use crate::domain::code::Room;
use crate::domain::policy::Finding;
use crate::domain::policy::diagnostic::Problem;
use crate::domain::policy::document::{Document, Table};
use crate::domain::policy::duration::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::domain::policy::report::Report;
use crate::domain::policy::schema_of;

/// Issue and stage together delay a stop by at most 90 s (R27), so one request takes half of it.
const MAX_REQUEST_TIMEOUT_MS: i64 = 45 * SECOND_MS;
/// Without any quiesce a late reply could not be told from none.
const MIN_QUIESCE_MS: i64 = SECOND_MS;

/// Settings as they hold, defaults filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// As written; a relative path counts from the file's own directory.
    pub state_dir: Option<PathBuf>,
    /// As written; a relative path counts from the file's own directory.
    pub policies_dir: Option<PathBuf>,
    pub limits: Limits,
    pub verify: VerifySettings,
    pub daemon: DaemonSettings,
}

/// Times by which a request has certainly ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// After so long the issuer's and the store's gateways have given up on a request (R1).
    pub gateway_timeout_ms: i64,
    /// After so long a token that a request carried has expired (R1).
    pub token_lifetime_ms: i64,
    /// How long we wait for one reply.
    pub request_timeout_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            gateway_timeout_ms: 30 * SECOND_MS,
            token_lifetime_ms: 300 * SECOND_MS,
            request_timeout_ms: 30 * SECOND_MS,
        }
    }
}

impl Limits {
    /// How long after sending a mutation whose reply was lost may still land (R1).
    #[must_use]
    pub fn quiesce_ms(&self) -> i64 {
        self.gateway_timeout_ms.saturating_add(self.token_lifetime_ms)
    }
}

/// How keys are proved dead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifySettings {
    pub dead_after: DeadAfter,
}

/// A key is dead after so many rejections spread over so long a time (R20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadAfter {
    pub rejections: u32,
    pub over_ms: i64,
}

impl Default for DeadAfter {
    fn default() -> Self {
        Self { rejections: 3, over_ms: 2 * SECOND_MS }
    }
}

/// How `rekeyd run` shares its work out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonSettings {
    /// Secrets that are worked on at a time. Leaks pass.
    pub concurrency: u32,
    /// How often a secret with nothing open is looked at.
    pub watch_every_ms: i64,
    /// Over how long rotations that were missed are spread.
    pub catch_up_ms: i64,
    /// Calls a second that a host gets: those that change nothing.
    pub reads_per_second: u32,
    /// Calls a second that a host gets: those that change something.
    pub writes_per_second: u32,
    /// Members of this group may use the control socket; else only root and the daemon's account.
    pub socket_group: Option<String>,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            concurrency: 32,
            watch_every_ms: 15 * MINUTE_MS,
            catch_up_ms: HOUR_MS,
            reads_per_second: 50,
            // AWS allows an account 50 of some, and others of the account want some too.
            writes_per_second: 20,
            socket_group: None,
        }
    }
}

/// Reads the text of a `rekeyd.toml`.
///
/// # Errors
/// All findings, sorted by line and column.
pub fn parse(file_name: &str, text: &str) -> Result<Settings, Vec<Finding>> {
    let mut report = Report::new(Room::Settings, file_name, text);
    let document = Document::parse(text, &mut report);
    let mut root = document.root();
    let state_dir = root.text("state_dir", 4000, &mut report);
    let policies_dir = root.text("policies_dir", 4000, &mut report);
    let limits = limits_of(&mut root, &mut report);
    let verify = verify_of(&mut root, &mut report);
    let daemon = daemon_of(&mut root, &mut report);
    root.finish(&mut report);
    if !report.is_clean() {
        return Err(report.finish());
    }
    Ok(Settings {
        state_dir: state_dir.map(|at| at.value.into()),
        policies_dir: policies_dir.map(|at| at.value.into()),
        limits,
        verify,
        daemon,
    })
}

fn limits_of(root: &mut Table<'_>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(mut table) = root.table("limits", report) else {
        return limits;
    };
    let gateway = table.duration_ms("gateway_timeout", &(0..=10 * MINUTE_MS), report);
    let token = table.duration_ms("token_lifetime", &(0..=24 * HOUR_MS), report);
    let request = SECOND_MS..=MAX_REQUEST_TIMEOUT_MS;
    let request = table.duration_ms("request_timeout", &request, report);
    limits.gateway_timeout_ms = gateway.map_or(limits.gateway_timeout_ms, |at| at.value);
    limits.token_lifetime_ms = token.map_or(limits.token_lifetime_ms, |at| at.value);
    limits.request_timeout_ms = request.map_or(limits.request_timeout_ms, |at| at.value);
    if limits.quiesce_ms() < MIN_QUIESCE_MS {
        let message = "`limits.gateway_timeout` and `limits.token_lifetime` are both zero";
        let help = "a lost reply is given up only after both; let one be 1s or more".to_owned();
        report.add(Problem::OutOfBounds, &table.span, message, Some(help));
    }
    table.finish(report);
    limits
}

fn verify_of(root: &mut Table<'_>, report: &mut Report<'_>) -> VerifySettings {
    let mut dead_after = DeadAfter::default();
    let Some(mut verify) = root.table("verify", report) else {
        return VerifySettings { dead_after };
    };
    if let Some(mut table) = verify.table("dead_after", report) {
        let rejections = table.integer("rejections", &(1..=20), report);
        let over = table.duration_ms("over", &(0..=5 * MINUTE_MS), report);
        dead_after.rejections = rejections.unwrap_or(dead_after.rejections);
        dead_after.over_ms = over.map_or(dead_after.over_ms, |at| at.value);
        table.finish(report);
    }
    verify.finish(report);
    VerifySettings { dead_after }
}

fn daemon_of(root: &mut Table<'_>, report: &mut Report<'_>) -> DaemonSettings {
    let mut daemon = DaemonSettings::default();
    let Some(mut table) = root.table("daemon", report) else {
        return daemon;
    };
    let concurrency = table.integer("concurrency", &(1..=1_000), report);
    let watch = table.duration_ms("watch_every", &(SECOND_MS..=24 * HOUR_MS), report);
    let catch_up = table.duration_ms("catch_up", &(0..=24 * HOUR_MS), report);
    let reads = table.integer("reads_per_second", &(1..=10_000), report);
    let writes = table.integer("writes_per_second", &(1..=10_000), report);
    daemon.concurrency = concurrency.unwrap_or(daemon.concurrency);
    daemon.watch_every_ms = watch.map_or(daemon.watch_every_ms, |at| at.value);
    daemon.catch_up_ms = catch_up.map_or(daemon.catch_up_ms, |at| at.value);
    daemon.reads_per_second = reads.unwrap_or(daemon.reads_per_second);
    daemon.writes_per_second = writes.unwrap_or(daemon.writes_per_second);
    let group = table.text("socket_group", 64, report);
    daemon.socket_group = group.map(|at| at.value.to_owned());
    table.finish(report);
    daemon
}

/// The JSON Schema of `rekeyd.toml`, for editors.
#[must_use]
pub fn json_schema() -> Value {
    schema_of::<described::SettingsFile>()
}

/// The format once more, for the schema only; a test compares it with what is read.
mod described {
    #![expect(dead_code, reason = "the types only describe the format")]
    use super::JsonSchema;
    use crate::domain::policy::Duration;

    /// Settings of the rekeyd daemon.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields, title = "rekeyd settings")]
    pub(super) struct SettingsFile {
        /// Where the journal lives; a relative path counts from this file's directory.
        state_dir: Option<String>,
        /// Where the policies are; a relative path counts from this file's directory.
        policies_dir: Option<String>,
        limits: Option<Limits>,
        verify: Option<Verify>,
        daemon: Option<Daemon>,
    }

    /// How `rekeyd run` shares its work out.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Daemon {
        /// Secrets that are worked on at a time; leaks pass. 32 by default.
        #[schemars(range(min = 1, max = 1000))]
        concurrency: Option<u32>,
        /// How often a secret with nothing open is looked at; 15m by default.
        watch_every: Option<Duration>,
        /// Over how long rotations that were missed are spread; 1h by default.
        catch_up: Option<Duration>,
        /// Calls a second that a host gets, those that change nothing; 50 by default.
        #[schemars(range(min = 1, max = 10000))]
        reads_per_second: Option<u32>,
        /// Calls a second that a host gets, those that change something; 20 by default.
        #[schemars(range(min = 1, max = 10000))]
        writes_per_second: Option<u32>,
        /// Members of this group may use the control socket.
        socket_group: Option<String>,
    }

    /// Times by which a request has certainly ended.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Limits {
        /// After so long the gateways have given up on a request; 30s by default.
        gateway_timeout: Option<Duration>,
        /// After so long a token has expired; 300s by default.
        token_lifetime: Option<Duration>,
        /// How long to wait for one reply; 30s by default.
        request_timeout: Option<Duration>,
    }

    /// How keys are proved.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Verify {
        dead_after: Option<DeadAfter>,
    }

    /// A key is dead after so many rejections spread over so long a time.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct DeadAfter {
        /// 3 by default.
        #[schemars(range(min = 1, max = 20))]
        rejections: Option<u32>,
        /// 2s by default.
        over: Option<Duration>,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::domain::policy::{Findings, assert_schema_agrees};

    #[test]
    fn an_empty_file_has_the_documented_defaults() {
        let settings = parse("rekeyd.toml", "").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.limits.quiesce_ms(), 330_000);
        assert_eq!(settings.limits.request_timeout_ms, 30_000);
        assert_eq!(settings.verify.dead_after, DeadAfter { rejections: 3, over_ms: 2000 });
    }

    #[test]
    fn every_setting_is_read() {
        let text = r#"
state_dir = "/srv/state"
policies_dir = "policies"
[limits]
gateway_timeout = "1s"
token_lifetime = "0s"
request_timeout = "5s"
[verify]
dead_after = { rejections = 5, over = "10s" }
[daemon]
concurrency = 3
watch_every = "5m"
catch_up = "2h"
reads_per_second = 7
writes_per_second = 2
socket_group = "ops"
"#;
        assert_eq!(
            parse("rekeyd.toml", text).unwrap(),
            Settings {
                state_dir: Some("/srv/state".into()),
                policies_dir: Some("policies".into()),
                limits: Limits {
                    gateway_timeout_ms: 1000,
                    token_lifetime_ms: 0,
                    request_timeout_ms: 5000
                },
                verify: VerifySettings { dead_after: DeadAfter { rejections: 5, over_ms: 10_000 } },
                daemon: DaemonSettings {
                    concurrency: 3,
                    watch_every_ms: 300_000,
                    catch_up_ms: 7_200_000,
                    reads_per_second: 7,
                    writes_per_second: 2,
                    socket_group: Some("ops".to_owned()),
                },
            }
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = r#"
state_dri = "/srv/state"
policies_dir = 7
[limits]
gateway_timeout = "0s"
token_lifetime = "0s"
request_timeout = "10m"
[verify]
dead_after = { rejections = 0, over = "2", times = 3 }
"#;
        let findings = Findings::new(parse("rekeyd.toml", text).unwrap_err());
        assert_snapshot!(findings, @r#"
        rekeyd.toml:2:1: unknown field `state_dri` [settings/unknown-field]
          2 | state_dri
            | ^^^^^^^^^
          help: did you mean `state_dir`?
        rekeyd.toml:3:1: `policies_dir` must be a string, not an integer [settings/wrong-type]
          3 | policies_dir
            | ^^^^^^^^^^^^
        rekeyd.toml:4:2: `limits.gateway_timeout` and `limits.token_lifetime` are both zero [settings/out-of-bounds]
          4 | [limits
            |  ^^^^^^
          help: a lost reply is given up only after both; let one be 1s or more
        rekeyd.toml:7:19: `limits.request_timeout` must be 1s to 45s [settings/out-of-bounds]
          7 | request_timeout = "10m"
            |                   ^^^^^
        rekeyd.toml:9:29: `verify.dead_after.rejections` must be 1 to 20 [settings/out-of-bounds]
          9 | dead_after = { rejections = 0
            |                             ^
        rekeyd.toml:9:39: `verify.dead_after.over` needs a unit after each number: s, m, h, d, or w [settings/bad-duration]
          9 | dead_after = { rejections = 0, over = "2"
            |                                       ^^^
          help: write a duration such as "30s", "10m", "24h", "30d", "1w", "1h30m"
        rekeyd.toml:9:44: unknown field `times` in `verify.dead_after` [settings/unknown-field]
          9 | dead_after = { rejections = 0, over = "…", times
            |                                            ^^^^^
          help: known fields: rejections, over
        7 findings
        "#);
    }

    #[test]
    fn the_schema_and_the_parser_know_the_same_fields() {
        assert_schema_agrees(&json_schema(), |text| parse("rekeyd.toml", text).unwrap_err());
    }
}

//! `audit`: the journal as evidence. `verify` says whether its chain holds and how much of it an
//! outside copy of a head vouches for; `export` writes its events as JSON lines. Both only read,
//! also beside a running process, and never make a journal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::{AuditCommand, ExportArgs};
use super::context::Context;
use super::error::{CliError, Exit};
use super::view::out::{BOLD, GREEN, Out, YELLOW};
use super::view::prints::Prints;
use super::view::wrap::wrapped;
use crate::app::App;
use crate::domain::code::Journal as Code;
use crate::domain::ids::SecretKey;
use crate::domain::report::rfc3339;
use crate::domain::state::{Event, Requester, State, apply};
use crate::domain::words::count_of;
use crate::journal::{Link, SqliteJournal, Survey};

/// So many rows are held in memory at a time.
const ROWS_AT_ONCE: u32 = 500;

/// The names of secrets' policies, as `status` has them.
type Names = BTreeMap<SecretKey, String>;

pub async fn audit(context: &Context, command: &AuditCommand) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let journal = app.evidence()?;
    let names = names(&app, &journal).await?;
    match command {
        AuditCommand::Verify(args) => verify(&context.out, &journal, &names, &args.heads).await,
        AuditCommand::Export(args) => export(context, &app, &journal, names, args).await,
    }
}

async fn names(app: &App, journal: &SqliteJournal) -> Result<Names, CliError> {
    let known = app.known(journal).await?;
    Ok(known.into_iter().map(|one| (one.stream, one.name)).collect())
}

async fn verify(
    out: &Out,
    journal: &SqliteJournal,
    names: &Names,
    heads: &[String],
) -> Result<Exit, CliError> {
    let survey = journal.survey(heads.to_vec()).await.map_err(crate::app::AppError::from)?;
    let anchored = survey.found.iter().flatten().max().copied();
    if out.is_json() {
        out.json(&told(&survey, names, heads, anchored));
    } else {
        show(out, &survey, names, heads, anchored);
    }
    let unknown = heads.iter().zip(&survey.found).find(|(_, found)| found.is_none());
    let Some((hash, _)) = unknown else { return Ok(Exit::Done) };
    let said = format!(
        "no row of the journal has the hash {hash}: rows were removed from its end, or it was put \
         back from an older copy, or it is another journal than the one that was logged"
    );
    Err(CliError::new(Exit::Journal, Code::HeadUnknown, said).next("rekeyd status"))
}

fn told(survey: &Survey, names: &Names, heads: &[String], anchored: Option<u64>) -> Value {
    let secrets = survey.streams.iter().map(|one| {
        json!({
            "policy": names.get(&one.stream), "secret": one.stream.as_str(), "rows": one.rows,
            "head": { "sequence": one.sequence, "hash": one.hash },
        })
    });
    let heads = heads.iter().zip(&survey.found);
    let heads = heads.map(|(hash, row)| json!({ "hash": hash, "sequence": row }));
    json!({
        "journal": survey.journal_id,
        "rows": survey.rows,
        "head": { "sequence": survey.rows, "hash": survey.head },
        "secrets": secrets.collect::<Vec<_>>(),
        "heads": heads.collect::<Vec<_>>(),
        "anchored_rows": anchored.unwrap_or(0),
        "unanchored_rows": survey.rows.saturating_sub(anchored.unwrap_or(0)),
    })
}

fn show(out: &Out, survey: &Survey, names: &Names, heads: &[String], anchored: Option<u64>) {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rows = count_of(count(survey.rows), "row", "rows");
    let secrets = count_of(survey.streams.len(), "secret", "secrets");
    out.data(&format!("{GREEN}the chain holds{GREEN:#}: {rows} of {secrets}"));
    out.data(&format!("journal {}", survey.journal_id));
    out.data(&format!("head    row {}", survey.rows));
    out.data(&format!("  {}", survey.head));
    for one in &survey.streams {
        let name = names.get(&one.stream).map_or(one.stream.as_str(), String::as_str);
        let rows = count_of(count(one.rows), "row", "rows");
        out.data(&format!("{BOLD}{name}{BOLD:#}: {rows}, the last is row {}", one.sequence));
        out.data(&format!("  {}", one.hash));
    }
    for (hash, row) in heads.iter().zip(&survey.found) {
        match row {
            Some(row) => out.data(&format!("{GREEN}found{GREEN:#}   row {row}")),
            None => out.data(&format!("{YELLOW}missing{YELLOW:#}")),
        }
        out.data(&format!("  {hash}"));
    }
    wrapped(out, &vouched(survey.rows, anchored), "");
    if heads.is_empty() && survey.rows > 0 {
        out.data("HASH is a `journal_head` of your logs.");
        out.next("", "rekeyd audit verify --head HASH");
    }
}

/// Which rows an outside copy vouches for.
fn vouched(rows: u64, anchored: Option<u64>) -> String {
    match anchored {
        None | Some(0) if rows == 0 => "no row yet, so none to anchor.".to_owned(),
        None => "anchored outside: not told. The chain alone does not show rows that were removed \
                 from its end."
            .to_owned(),
        Some(0) => format!("anchored outside: none of the rows. Not yet: rows 1 to {rows}."),
        Some(last) if last == rows => format!("anchored outside: rows 1 to {last}, which is all."),
        Some(last) => format!(
            "anchored outside: rows 1 to {last}. Not yet: rows {} to {rows}.",
            last.saturating_add(1)
        ),
    }
}

async fn export(
    context: &Context,
    app: &App,
    journal: &SqliteJournal,
    names: Names,
    args: &ExportArgs,
) -> Result<Exit, CliError> {
    if let Some(name) = args.name.as_ref().filter(|name| !names.values().any(|one| one == *name)) {
        app.policy(name)?;
    }
    let failed = crate::app::AppError::from;
    let end = journal.survey(Vec::new()).await.map_err(failed)?.rows;
    let mut teller = Teller { names, states: BTreeMap::new(), prints: Prints::default() };
    let mut last = 0;
    while last < end && !context.out.is_closed() {
        let links = journal.links_after(last, ROWS_AT_ONCE).await.map_err(failed)?;
        let Some(newest) = links.last().map(|link| link.recorded.sequence) else { break };
        last = newest;
        for link in links.iter().filter(|link| link.recorded.sequence <= end) {
            let line = teller.tell(link);
            let named = args
                .name
                .as_ref()
                .is_none_or(|name| line.get("policy").is_some_and(|policy| policy == name));
            let recent = args.since.is_none_or(|since| link.recorded.at.wall_ms >= since);
            if named && recent {
                context.out.data(&line.to_string());
            }
        }
    }
    Ok(Exit::Done)
}

/// Tells rows in their order; a row says which rotation it belongs to only with those before it.
struct Teller {
    names: Names,
    /// `None` from where a secret's rows no longer fit together.
    states: BTreeMap<SecretKey, Option<State>>,
    prints: Prints,
}

impl Teller {
    fn tell(&mut self, link: &Link) -> Value {
        let Link { stream, recorded, previous_hash, hash } = link;
        let state = self.states.entry(stream.clone()).or_insert_with(|| Some(State::default()));
        let before = rotation(state.as_ref());
        *state = state.take().and_then(|s| apply(s, &recorded.at, &recorded.event).ok());
        let rotation = rotation(state.as_ref()).or(before);
        let mut details = serde_json::to_value(&recorded.event).unwrap_or(Value::Null);
        self.prints.mask(&mut details);
        let by = asked_by(&recorded.event);
        json!({
            "time": rfc3339(recorded.at.wall_ms),
            "sequence": recorded.sequence,
            "position": recorded.position,
            "policy": self.names.get(stream),
            "secret": stream.as_str(),
            "rotation_id": rotation,
            "event": recorded.event.name(),
            "who": by.map(|by| &by.who),
            "reason": by.and_then(|by| by.reason.as_ref()),
            "details": details,
            "hash": hash,
            "previous_hash": previous_hash,
        })
    }
}

fn rotation(state: Option<&State>) -> Option<String> {
    state.and_then(|state| state.rotation.as_ref()).map(|open| open.id.to_string())
}

fn asked_by(event: &Event) -> Option<&Requester> {
    match event {
        Event::Requested { by, .. } | Event::Kept { by, .. } => Some(by),
        _ => None,
    }
}

//! `explain`: what a code means, what state it leaves, and what to type. Reads no file and calls
//! nobody, so that it works where nothing else does.

mod pages;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::json;

use super::context::Context;
use super::error::{CliError, Exit};
use super::view::out::{BOLD, Out};
use super::view::wrap::wrapped;
use crate::domain::code::Code;
use crate::domain::policy::diagnostic::{nearest, quoted};

/// What there is to say of a code. NAME, OTHER, KEY, DIR, and so on stand for the reader's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Page {
    /// One line.
    pub title: &'static str,
    pub happened: &'static str,
    /// Whether consumers are affected, and which keys live.
    pub leaves: &'static str,
    pub by_itself: &'static str,
    pub to_do: &'static str,
    /// What to type, the likeliest first. Never empty.
    pub commands: &'static [&'static str],
    /// Where the rule comes from.
    pub rule: &'static str,
}

/// A page with its code, for machines.
#[derive(Serialize)]
struct Explained {
    code: Code,
    #[serde(flatten)]
    page: Page,
}

pub fn explain(context: &Context, text: Option<&str>) -> Result<Exit, CliError> {
    let out = &context.out;
    let Some(text) = text else {
        list(out);
        return Ok(Exit::Done);
    };
    let codes = meant(text)?;
    if out.is_json() {
        let explained = |code: &Code| Explained { code: *code, page: pages::page(*code) };
        let pages: Vec<Explained> = codes.iter().map(explained).collect();
        out.json(&json!({ "pages": pages }));
        return Ok(Exit::Done);
    }
    for (at, code) in codes.iter().enumerate() {
        if at > 0 {
            out.data("");
        }
        print(out, *code);
    }
    Ok(Exit::Done)
}

fn list(out: &Out) {
    if out.is_json() {
        let line = |code: Code| json!({ "code": code, "title": pages::page(code).title });
        out.json(&json!({ "codes": Code::all().map(line).collect::<Vec<_>>() }));
        return;
    }
    let width = Code::all().map(|code| code.to_string().len()).max().unwrap_or(0);
    for code in Code::all() {
        let title = pages::page(code).title;
        out.data(&format!("{:<width$}  {title}", code.to_string()));
    }
}

/// The code of that name; else every one that ends so, as messages and tables often leave the
/// first half out.
fn meant(text: &str) -> Result<Vec<Code>, CliError> {
    let wanted = text.trim().trim_start_matches('[').trim_end_matches(']').to_lowercase();
    if let Some(code) = Code::all().find(|code| code.to_string() == wanted) {
        return Ok(vec![code]);
    }
    let half = |code: &Code| code.to_string().split('/').nth(1) == Some(wanted.as_str());
    let halves: Vec<Code> = Code::all().filter(half).collect();
    if !halves.is_empty() {
        return Ok(halves);
    }
    let mut names: Vec<String> = Code::all().map(|code| code.to_string()).collect();
    let halves = names.iter().filter_map(|name| name.split_once('/'));
    names.extend(halves.map(|(_, half)| half.to_owned()).collect::<Vec<_>>());
    let told = quoted(text);
    let error = match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => CliError::usage(format!("there is no code {told}; did you mean `{near}`?"))
            .next(format!("rekeyd explain {near}")),
        None => CliError::usage(format!("there is no code {told}")).next("rekeyd explain"),
    };
    Err(error)
}

fn print(out: &Out, code: Code) {
    let page = pages::page(code);
    wrapped(out, &format!("{BOLD}{code}{BOLD:#}: {}", page.title), "");
    for (heading, text) in [
        ("What happened", page.happened),
        ("What state that leaves", page.leaves),
        ("What rekeyd does by itself", page.by_itself),
        ("What to do", page.to_do),
    ] {
        section(out, heading);
        wrapped(out, text, "  ");
    }
    section(out, "Commands");
    for command in page.commands {
        out.data(&format!("  {command}"));
    }
    section(out, "Where the rule comes from");
    wrapped(out, page.rule, "  ");
}

fn section(out: &Out, heading: &str) {
    out.data("");
    out.data(&format!("{BOLD}{heading}{BOLD:#}"));
}

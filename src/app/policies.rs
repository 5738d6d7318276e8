//! Which policies a command may go on with. One wrong file stops what is about all of them, and never
//! what names others: a leak must not wait for somebody else's typing mistake.

use super::{App, AppError};
use crate::domain::policy::diagnostic::help_for;
use crate::domain::policy::{Finding, Findings, Policy};
use crate::domain::words::count_of;

const SUFFIX: &str = ".toml";

/// A policy file that is left out, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub file: String,
    pub message: String,
}

impl App {
    /// For what is about all policies: none may be wrong.
    ///
    /// # Errors
    /// All findings of all files.
    pub fn whole(&self) -> Result<(), AppError> {
        if self.findings.as_slice().is_empty() {
            return Ok(());
        }
        Err(AppError::Policies(self.findings.clone()))
    }

    /// # Errors
    /// When the policy's own file has findings, or no policy has that name; then it says which one
    /// may be meant.
    pub fn policy(&self, name: &str) -> Result<&Policy, AppError> {
        if let Some(policy) = self.policies.iter().find(|policy| policy.name.as_str() == name) {
            return Ok(policy);
        }
        if let Some(findings) = self.wrong_files.get(&format!("{name}{SUFFIX}")) {
            return Err(AppError::Policies(findings.clone()));
        }
        let right = self.policies.iter().map(|policy| policy.name.as_str());
        let wrong = self.wrong_files.keys().filter_map(|file| file.strip_suffix(SUFFIX));
        let mut known: Vec<&str> = right.chain(wrong).collect();
        known.sort_unstable();
        let help = if known.is_empty() {
            "the policies directory holds none".to_owned()
        } else {
            help_for(name, "policies", &known)
        };
        Err(AppError::UnknownPolicy { name: name.to_owned(), help })
    }

    /// Several policies by name, sorted, each once.
    ///
    /// # Errors
    /// All findings of the named policies' files, or the first name that no policy has.
    pub fn named(&self, names: &[String]) -> Result<Vec<Policy>, AppError> {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let mut policies = Vec::new();
        let mut wrong: Vec<Finding> = Vec::new();
        for name in names {
            match self.policy(name) {
                Ok(policy) => policies.push(policy.clone()),
                Err(AppError::Policies(findings)) => wrong.extend(findings.into_vec()),
                Err(error) => return Err(error),
            }
        }
        if wrong.is_empty() {
            return Ok(policies);
        }
        // What is wrong between two files stands at both.
        let mut wrong = Findings::new(wrong).into_vec();
        wrong.dedup();
        Err(AppError::Policies(Findings::new(wrong)))
    }

    /// The wrong files that are none of `names`.
    #[must_use]
    pub fn left_out(&self, names: &[String]) -> Vec<LeftOut> {
        let is_named = |file: &str| {
            file.strip_suffix(SUFFIX).is_some_and(|stem| names.iter().any(|name| name == stem))
        };
        let others = self.wrong_files.iter().filter(|(file, _)| !is_named(file));
        others
            .map(|(file, findings)| {
                let found = count_of(findings.as_slice().len(), "finding", "findings");
                LeftOut { file: file.clone(), message: format!("{file} is left out: {found}") }
            })
            .collect()
    }

    /// Whether a policy of that name has a wrong file.
    #[must_use]
    pub fn has_wrong_file(&self, name: &str) -> bool {
        self.wrong_files.contains_key(&format!("{name}{SUFFIX}"))
    }
}

//! `check --print-iam`: the least IAM policy for the secrets at AWS that the policies name. Reads
//! files only.

use super::chosen;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::domain::policy::iam::least;

/// Where the secrets use a key of one's own.
const KMS: &str = "note: a secret that is encrypted with a KMS key of your own needs kms:Decrypt and \
                   kms:GenerateDataKey on that key too; which key it is stands in no policy";

pub fn print(context: &Context, names: &[String]) -> Result<Exit, CliError> {
    let policies = match chosen(context, names)? {
        Ok((_, policies)) => policies,
        Err(exit) => return Ok(exit),
    };
    match least(&policies) {
        Some(document) => {
            context.out.json(&document);
            context.out.note(KMS);
        }
        None => context.out.note("no policy has its secret at AWS: no permission is needed there"),
    }
    Ok(Exit::Done)
}

//! `[store.…]`: where consumers read the secret; exactly one.

use crate::domain::policy::diagnostic::Problem;
use crate::domain::policy::document::{At, Table};
use crate::domain::policy::report::Report;
use crate::domain::policy::{Fields, Store, secret_place};

const MAX_FIELD_CHARS: usize = 200;
const MISSING_STORE: &str = "add [store.aws_secrets_manager] or [store.file]";

/// The store; its span is where its place is named.
pub(super) fn read(root: &mut Table<'_>, report: &mut Report<'_>) -> Option<At<Store>> {
    if !root.has("store") {
        root.missing("the table `store` is missing", MISSING_STORE, report);
    }
    let mut table = root.table("store", report)?;
    match (table.has("aws_secrets_manager"), table.value("file")) {
        (true, Some(at)) => {
            let message = "a policy has exactly one store";
            let help = "keep [store.aws_secrets_manager] or [store.file]".to_owned();
            report.add(Problem::Conflict, &at.key, message, Some(help));
        }
        (false, None) => table.missing("`store` names no store", MISSING_STORE, report),
        _ => {}
    }
    let aws = table.table("aws_secrets_manager", report).and_then(|aws| aws_of(aws, report));
    let file = table.table("file", report).and_then(|file| file_of(file, report));
    table.finish(report);
    aws.or(file)
}

fn aws_of(mut table: Table<'_>, report: &mut Report<'_>) -> Option<At<Store>> {
    if !table.has("secret_id") {
        let help = "add secret_id = \"…\": the secret's name or ARN";
        table.missing("`store.aws_secrets_manager.secret_id` is missing", help, report);
    }
    let secret_id = table.text("secret_id", 2048, report);
    let region = table.text("region", 100, report);
    let fields = fields_of(&mut table, report);
    table.finish(report);

    let mut region_is_good = true;
    if let Some(at) = &region
        && let Err(why) = secret_place::check_region(at.value)
    {
        region_is_good = false;
        let message = format!("`store.aws_secrets_manager.region` {why}");
        report.add(Problem::BadText, &at.span, message, None);
    }
    let secret_id = secret_id?;
    let arn_region = match secret_place::check_secret_id(secret_id.value) {
        Ok(arn_region) => arn_region,
        Err(why) => {
            let message = format!("`store.aws_secrets_manager.secret_id` {why}");
            report.add(Problem::BadSecretId, &secret_id.span, message, None);
            return None;
        }
    };
    if let (Some(in_arn), Some(named)) = (arn_region, &region)
        && region_is_good
        && in_arn != named.value
    {
        let message = format!("the ARN names the region {in_arn}, `region` another");
        report.add(Problem::Conflict, &named.span, message, Some("remove `region`".to_owned()));
    }
    let region = arn_region.or(region.map(|at| at.value)).map(str::to_owned);
    Some(secret_id.map(|id| Store::AwsSecretsManager { secret_id: id.to_owned(), region, fields }))
}

fn file_of(mut table: Table<'_>, report: &mut Report<'_>) -> Option<At<Store>> {
    if !table.has("path") {
        let help = "add path = \"/var/lib/rekeyd/secrets/NAME.json\"";
        table.missing("`store.file.path` is missing", help, report);
    }
    let path = table.text("path", 5000, report);
    let fields = fields_of(&mut table, report);
    table.finish(report);
    let at = path?;
    match secret_place::check_path(at.value) {
        Ok(path) => Some(at.map(|_| Store::File { path, fields })),
        Err(why) => {
            let message = format!("`store.file.path` {why}");
            report.add(Problem::BadPath, &at.span, message, None);
            None
        }
    }
}

fn fields_of(store: &mut Table<'_>, report: &mut Report<'_>) -> Fields {
    let mut fields =
        Fields { client_id: "clientId".to_owned(), client_secret: "clientSecret".to_owned() };
    let Some(mut table) = store.table("fields", report) else {
        return fields;
    };
    let client_id = table.text("client_id", MAX_FIELD_CHARS, report);
    let client_secret = table.text("client_secret", MAX_FIELD_CHARS, report);
    if let Some(at) = &client_id {
        fields.client_id = at.value.to_owned();
    }
    if let Some(at) = &client_secret {
        fields.client_secret = at.value.to_owned();
    }
    if fields.client_id == fields.client_secret {
        let message = format!("both fields of `{}` have one name", store.name("fields"));
        report.add(Problem::Conflict, &table.span, message, None);
    }
    table.finish(report);
    fields
}

//! Accounts and groups by the system's own files. A directory service is not asked.

use std::fs;

const ACCOUNTS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// The name of an account by its number.
#[must_use]
pub fn name_of(account: u32) -> Option<String> {
    let accounts = fs::read_to_string(ACCOUNTS).unwrap_or_default();
    accounts.lines().find_map(|line| {
        let (name, id) = name_and_id(line)?;
        (id == account).then(|| name.to_owned())
    })
}

/// The name of an account, or its number in words where it has none.
#[must_use]
pub fn label(account: u32) -> String {
    name_of(account).unwrap_or_else(|| format!("user {account}"))
}

/// A group's number by its name, or by the number as text.
#[must_use]
pub fn group_id(group: &str) -> Option<u32> {
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    let by_name = |line| name_and_id(line).filter(|(name, _)| *name == group);
    groups.lines().find_map(by_name).map(|(_, id)| id).or_else(|| group.parse().ok())
}

/// The name of a group by its number.
#[must_use]
pub fn group_name(group: u32) -> Option<String> {
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    groups.lines().find_map(|line| {
        let (name, id) = name_and_id(line)?;
        (id == group).then(|| name.to_owned())
    })
}

/// Whether the system's list of groups names the account as a member.
#[must_use]
pub fn is_member(account: u32, group: u32) -> bool {
    let Some(name) = name_of(account) else { return false };
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    groups.lines().any(|line| lists(line, group, &name))
}

/// Both files have the name first and the number third.
fn name_and_id(line: &str) -> Option<(&str, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    Some((name, fields.nth(1)?.parse().ok()?))
}

fn lists(line: &str, group: u32, name: &str) -> bool {
    let is_meant = name_and_id(line).is_some_and(|(_, id)| id == group);
    let mut members = line.split(':').nth(3).unwrap_or_default().split(',');
    is_meant && members.any(|member| member == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_listed_by_its_whole_name_and_in_the_right_group() {
        let line = "ops:x:70:ann,annika";
        assert!(lists(line, 70, "ann") && lists(line, 70, "annika"));
        assert!(!lists(line, 7, "ann") && !lists(line, 70, "an") && !lists(line, 70, ""));
        assert!(!lists("ops:x:70:", 70, "ann") && !lists("ops", 70, "ann"));
    }

    #[test]
    fn root_has_its_name_and_an_unknown_number_stays_one() {
        assert_eq!((label(0), group_id("root")), ("root".to_owned(), Some(0)));
        assert_eq!(label(3_999_999_999), "user 3999999999");
        assert_eq!(
            (group_id("3999999999"), group_id("no such group")),
            (Some(3_999_999_999), None)
        );
    }
}

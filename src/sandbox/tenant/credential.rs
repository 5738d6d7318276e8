//! Who authenticates, in Keycloak's words.

use super::super::reply::Refusal;
use super::tokens::Caller;
use super::world::World;

/// Keycloak's judgement of a credential, with its words.
pub(super) fn authenticate(
    world: &World,
    client_id: &str,
    secret: &str,
) -> Result<Caller, Refusal> {
    let old = world.settings.old_keycloak;
    let key = world.keys.get(client_id).filter(|key| key.enabled);
    let Some(key) = key.filter(|key| world.is_active(&key.created_by)) else {
        return Err(unknown_client(old));
    };
    if key.secret != secret {
        return Err(if old {
            token_refusal(400, "unauthorized_client", "Invalid client secret")
        } else {
            token_refusal(
                401,
                "unauthorized_client",
                "Invalid client or Invalid client credentials",
            )
        });
    }
    Ok(Caller {
        client_id: key.client_id.clone(),
        user: key.created_by.clone(),
        permissions: key.permissions.clone(),
    })
}

/// Unknown, disabled, and deleted look the same.
pub(super) fn unknown_client(old: bool) -> Refusal {
    if old {
        token_refusal(400, "invalid_client", "Invalid client credentials")
    } else {
        token_refusal(401, "invalid_client", "Invalid client or Invalid client credentials")
    }
}

fn token_refusal(status: u16, error: &'static str, description: &'static str) -> Refusal {
    Refusal::Token { status, error, description }
}

pub(super) fn is_alive(world: &World, client_id: &str) -> bool {
    let key = world.keys.get(client_id).filter(|key| key.enabled);
    key.is_some_and(|key| world.is_active(&key.created_by))
}

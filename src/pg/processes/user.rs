//! Who calls, and being somebody else for a moment.

use super::local_settings::LocalSettings;
use crate::pg::Oid;
use crate::pg::executor::nesting;
use crate::pg::strings::text;
use pgrx::pg_sys;

/// The role whose rights are in force.
pub fn current() -> Oid {
    // SAFETY: reads a variable.
    unsafe { pg_sys::GetUserId() }
}

/// Whether this session is logged in as the role, and has not become another one since: what runs in
/// it can become no other, either.
pub fn is_logged_in_as(role: Oid) -> bool {
    has_logged_in_as(role) && has_stayed_itself()
}

/// Whether this session has become no other role since it logged in.
pub fn has_stayed_itself() -> bool {
    // SAFETY: read variables.
    unsafe {
        let role = pg_sys::GetAuthenticatedUserId();
        pg_sys::GetSessionUserId() == role && pg_sys::GetUserId() == role
    }
}

/// Whether this session was begun as the role, whatever it has become since.
pub fn has_logged_in_as(role: Oid) -> bool {
    // SAFETY: reads a variable.
    unsafe { pg_sys::GetAuthenticatedUserId() == role }
}

/// The name of a role, in the database's encoding.
pub fn name(role: Oid) -> Vec<u8> {
    // SAFETY: a look-up; raises where the role is gone.
    unsafe { text::take(pg_sys::GetUserNameFromId(role, false)) }.unwrap_or_default()
}

/// Whether the role may log in; `false` where it is gone.
pub fn may_log_in(role: Oid) -> bool {
    // SAFETY: a look-up; the tuple is released after its field was copied.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::AUTHOID as i32, role.into());
        if tuple.is_null() {
            return false;
        }
        let may = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_authid>()).rolcanlogin;
        pg_sys::ReleaseSysCache(tuple);
        may
    }
}

/// Whether the role has the privileges of `pg_read_server_files`, as COPY asks.
pub fn may_read_server_files() -> bool {
    // SAFETY: a look-up; superusers have the privileges of every role.
    unsafe { pg_sys::has_privs_of_role(current(), Oid::from(pg_sys::ROLE_PG_READ_SERVER_FILES)) }
}

/// Whether `caller` has the rights of `role`: it inherits them, or may SET ROLE to it. A
/// bare membership, which gives neither from 16 on, is not enough. Of a role that is gone,
/// only superusers have the rights.
pub fn has_rights_of(caller: Oid, role: Oid) -> bool {
    // SAFETY: look-ups; roles that are gone are in no list.
    #[cfg(feature = "pg15")]
    unsafe {
        pg_sys::is_member_of_role(caller, role)
    }
    // SAFETY: the same.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::has_privs_of_role(caller, role) || pg_sys::member_can_set_role(caller, role)
    }
}

/// Whether `caller` may become `role` by SET ROLE: from 16 on, who inherits its rights need not be
/// able to. Attributes of a role, such as SUPERUSER, are no rights that anybody inherits.
pub fn may_become(caller: Oid, role: Oid) -> bool {
    // SAFETY: look-ups; roles that are gone are in no list.
    #[cfg(feature = "pg15")]
    unsafe {
        pg_sys::is_member_of_role(caller, role)
    }
    // SAFETY: the same.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::member_can_set_role(caller, role)
    }
}

/// The role of that name; invalid where there is none.
pub fn named(name: &[u8]) -> Oid {
    let name = text::c_string(name);
    // SAFETY: a look-up.
    unsafe { pg_sys::get_role_oid(name.as_ptr(), true) }
}

/// Runs `body` as `role`, whatever way it ends, under SECURITY_RESTRICTED_OPERATION, as
/// CREATE INDEX does: it may do nothing that a stranger's code could misuse. Policies
/// do not apply to what the role owns, so that none of their code runs. Nothing is found
/// along the caller's search_path: not even by functions of the role that the server
/// evaluates when it plans a query, such as those of an index.
pub fn run_as<R>(role: Oid, body: impl FnOnce() -> R) -> R {
    // SAFETY: both point into `back`, which sets things right when it goes.
    let _back = unsafe {
        let mut back = Back { role: Oid::INVALID, context: 0 };
        pg_sys::GetUserIdAndSecContext(&mut back.role, &mut back.context);
        pg_sys::SetUserIdAndSecContext(
            role,
            back.context
                | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32
                | pg_sys::SECURITY_RESTRICTED_OPERATION as i32
                | pg_sys::SECURITY_NOFORCE_RLS as i32,
        );
        back
    };
    // As the server's RestrictSearchPath does from 17 on. It goes before the role does.
    let _path = LocalSettings::set(&[(c"search_path", c"pg_catalog, pg_temp")]);
    nesting::within_transaction(body)
}

struct Back {
    role: Oid,
    context: i32,
}

impl Drop for Back {
    fn drop(&mut self) {
        // SAFETY: what was in force before.
        unsafe { pg_sys::SetUserIdAndSecContext(self.role, self.context) }
    }
}

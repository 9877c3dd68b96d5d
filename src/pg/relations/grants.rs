//! Grants on a routine, taken over by the one that an update of the extension puts in its
//! place.

use crate::pg::Oid;
use crate::pg::processes::user;
use crate::pg::strings::text;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::spi::SpiError;

/// Gives a routine the rights that another one has, each granted by who granted it there.
/// To be called by a superuser in an update script, once the new routine has its owner.
///
/// What a script grants counts as the extension's own, which no dump contains. These are
/// the users' own grants: for as long as this runs, the server is told that there is no
/// script.
pub fn copy(from: Oid, to: Oid) -> Result<(), SpiError> {
    // Who may pass a right on has it from somebody nearer to the owner.
    const GRANTS: &str = "
        WITH RECURSIVE grants AS (
            SELECT a.grantor, a.grantee, a.is_grantable FROM pg_catalog.pg_proc AS p,
                LATERAL pg_catalog.aclexplode(p.proacl) AS a
            WHERE p.oid OPERATOR(pg_catalog.=) $1),
        steps AS (
            SELECT g.grantor, g.grantee, g.is_grantable, 1 AS step FROM grants AS g
            WHERE g.grantor OPERATOR(pg_catalog.=) (SELECT p.proowner FROM pg_catalog.pg_proc AS p
                                                    WHERE p.oid OPERATOR(pg_catalog.=) $1)
            UNION
            SELECT g.grantor, g.grantee, g.is_grantable, s.step OPERATOR(pg_catalog.+) 1
            FROM grants AS g JOIN steps AS s ON s.grantee OPERATOR(pg_catalog.=) g.grantor AND s.is_grantable
            WHERE g.grantor OPERATOR(pg_catalog.<>) g.grantee AND s.step OPERATOR(pg_catalog.<) 1000)
        SELECT s.grantor::pg_catalog.oid,
            pg_catalog.convert_to(pg_catalog.format('GRANT EXECUTE ON ROUTINE %I.%I(%s) TO %s%s', n.nspname, f.proname,
                pg_catalog.pg_get_function_identity_arguments(f.oid),
                CASE WHEN s.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                     ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.grantee)) END,
                CASE WHEN s.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END),
                pg_catalog.getdatabaseencoding())
        FROM steps AS s
        JOIN pg_catalog.pg_proc AS f ON f.oid OPERATOR(pg_catalog.=) $2
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) f.pronamespace
        GROUP BY s.grantor, s.grantee, s.is_grantable, n.nspname, f.proname, f.oid ORDER BY pg_catalog.min(s.step)";
    const REVOKE: &str = "SELECT pg_catalog.convert_to(pg_catalog.format(
            'REVOKE ALL ON ROUTINE %I.%I(%s) FROM PUBLIC, pg_read_server_files', n.nspname, f.proname,
            pg_catalog.pg_get_function_identity_arguments(f.oid)), pg_catalog.getdatabaseencoding())
        FROM pg_catalog.pg_proc AS f
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) f.pronamespace
        WHERE f.oid OPERATOR(pg_catalog.=) $1
          AND EXISTS (SELECT FROM pg_catalog.pg_proc AS o
                      WHERE o.oid OPERATOR(pg_catalog.=) $2 AND o.proacl IS NOT NULL)";
    let (revoke, grants) = Spi::connect(|client| {
        let rows = client.select(REVOKE, Some(1), &[to.into(), from.into()])?;
        // Where there is none, nobody has ever granted or revoked anything.
        let revoke = if rows.is_empty() { None } else { rows.first().get_one::<Vec<u8>>()? };
        let mut grants = Vec::new();
        for row in client.select(GRANTS, None, &[from.into(), to.into()])? {
            if let (Some(grantor), Some(grant)) = (row.get::<Oid>(1)?, row.get::<Vec<u8>>(2)?) {
                grants.push((grantor, grant));
            }
        }
        Ok::<_, SpiError>((revoke, grants))
    })?;
    let Some(revoke) = revoke else { return Ok(()) };
    let _script = OutsideScript::begin();
    run(&revoke)?;
    for (grantor, grant) in grants {
        user::run_as(grantor, || run(&grant))?;
    }
    Ok(())
}

fn run(statement: &[u8]) -> Result<(), SpiError> {
    let statement = text::c_string(statement);
    Spi::connect_mut(|client| client.update(&*statement, None, &[]).map(|_| ()))
}

/// The time in which the server takes statements for those of a user.
struct OutsideScript(bool);

impl OutsideScript {
    fn begin() -> Self {
        // SAFETY: a plain variable of this single-threaded process, which is put back.
        unsafe {
            let before = pg_sys::creating_extension;
            pg_sys::creating_extension = false;
            OutsideScript(before)
        }
    }
}

impl Drop for OutsideScript {
    fn drop(&mut self) {
        // SAFETY: as above. Where an error unwinds through here, the script's own end sets it
        // to false.
        unsafe { pg_sys::creating_extension = self.0 };
    }
}

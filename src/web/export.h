/* export.h - all that is kept of one person, for himself (GDPR article 15 and 20).
 * Needs: everything that keeps something of a person.  Used by: routes. */
#pragma once
#include "net/req.h"

/* GET /auth/gdpr/export -> 200, a JSON attachment. SIGNED_IN, FRESH.
 * Nothing that would let anybody in is part of it: no hash, secret or key. */
Handler export_own;

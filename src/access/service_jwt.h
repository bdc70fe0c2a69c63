/* service_jwt.h - the same trust for services that speak JWT: a Bearer of class
 * `service`.
 *
 *   header   alg HS256, typ "st+jwt", kid the service's id
 *   claims   iss the same id, aud SERVICE_ID, iat, exp at most 300 s later, scope "a b";
 *            also jti, tenantId, userId
 *
 * with the secret that its X-Service-Token would be signed with. It is judged by the same
 * rules, and taken back in the same way: by its SHA-256 or with its service.
 * Needs: service, jws.  Used by: machine. */
#pragma once
#include "access/service.h"

/* True when its header says HS256, which no token of a person does. Cheap for those. */
bool jwt_is_of_service(Arena *mem, Str token);

/*   fails   as service_check */
CHECKED bool service_check_jwt(Ctx *cx, Str token, Peer *out);

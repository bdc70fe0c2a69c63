/* awskeys.h - who we are at AWS: credentials given, or those of the container's or the
 * machine's role.
 * Needs: engine.  Used by: aws.c. */
#pragma once
#include "secret/engine.h"

typedef struct AwsKeys { Str id, session; Secret key; } AwsKeys;

/* In this order: the settings; ECS and EKS Pod Identity; the machine (IMDSv2).
 *   gives   *out, borrowed from `c` or in cx->mem
 *   fails   BAD_GATEWAY
 *   source  AWS SDKs and Tools, "Standardized credential providers" */
CHECKED bool awskeys_find(Ctx *cx, const Config *c, AwsKeys *out);

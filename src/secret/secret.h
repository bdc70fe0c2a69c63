/* secret.h - settings that are kept on a server of secrets: Vault, AWS Secrets Manager.
 *
 * Both keep one secret that is a set of names and values; a name that is a setting's is
 * taken, others are nobody's business here. Asked once at the start and at each SIGHUP.
 * Needs: base, net (fetch).  Used by: cli, which hands it to config_place. */
#pragma once
#include "base/config.h"

/* Asks every place that `c` names, the first with a setting being right. A place that is
 * named and does not answer is a mistake: who relies on it must not start without.
 *   gives   *out, in mem
 *   thread  one that may wait */
ConfigPlace secret_read;

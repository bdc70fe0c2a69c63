/* account_pages.h - where the links of letters lead: a page with a button.
 * Needs: net.  Used by: routes. */
#pragma once
#include "net/req.h"

Handler page_verify, page_reset, page_account_script;

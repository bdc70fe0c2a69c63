/* qr.h - a text as a QR code, drawn as SVG.
 * Needs: ctx.  Used by: identity (authenticator apps), tickets (codes). */
#pragma once
#include "base/ctx.h"

/* Error correction Q. `label` is what a screen reader says: a fixed text.
 *   fails  INTERNAL_ERROR: more text than a QR code holds */
CHECKED bool qr_svg(Ctx *cx, Str text, const char *label, Str *out);

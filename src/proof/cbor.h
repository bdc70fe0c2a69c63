/* cbor.h - reads what an authenticator sends, one item after the other.
 *
 * Of RFC 8949 what CTAP2 allows: definite lengths, no tags, no floats; numbers of 64
 * bits, maps and lists nested eight deep at most. Lengths are never believed: an item
 * that says it is longer than what is there is an error.
 * Needs: str.  Used by: webauthn. */
#pragma once
#include "base/str.h"

typedef enum CborKind {
    CBOR_INT, CBOR_BYTES, CBOR_TEXT, CBOR_LIST, CBOR_MAP, CBOR_SIMPLE
} CborKind;

typedef struct Cbor {
    CborKind kind;
    i64      number;                              /* CBOR_INT; how many in a list or
                                                     map */
    Str      s;                                   /* CBOR_BYTES, CBOR_TEXT    */
} Cbor;

/* Takes the head of the next item off *from; of a list or a map its parts come next.
 * False: no item, or one that we don't read. */
CHECKED bool cbor_next(Str *from, Cbor *out);

/* Takes a whole item off, whatever it is; *whole is its text. */
CHECKED bool cbor_skip(Str *from, Str *whole);

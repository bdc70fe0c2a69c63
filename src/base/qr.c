/* qr.c - one path of unit squares, a run of dark modules at a time: a tenth of the size
 * of a rectangle for each. */
#include "base/qr.h"
#include <qrencode.h>

enum { QUIET = 4 };

static void draw(Buf *b, const QRcode *qr)
{
    for (int y = 0; y < qr->width; y++)
        for (int x = 0, run; x < qr->width; x += run) {
            bool dark = (qr->data[y * qr->width + x] & 1) != 0;
            for (run = 1; x + run < qr->width; run++)
                if (((qr->data[y * qr->width + x + run] & 1) != 0) != dark)
                    break;
            if (dark)
                buf_fmt(b, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
        }
}

bool qr_svg(Ctx *cx, Str text, const char *label, Str *out)
{
    Buf b = buf_in(cx->mem, 8192);
    QRcode *qr = QRcode_encodeString(str_z(cx->mem, text), 0, QR_ECLEVEL_Q, QR_MODE_8, 1);

    if (qr == NULL)
        return fail(cx, INTERNAL_ERROR, "the QR encoder refused %td letters", text.len);
    int side = qr->width + 2 * QUIET;
    buf_fmt(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            " shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"%s\">"
            "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"", side, side, label,
            side, side);
    draw(&b, qr);
    buf_lit(&b, "\"/></svg>");
    QRcode_free(qr);
    *out = buf_str(&b);
    return true;
}

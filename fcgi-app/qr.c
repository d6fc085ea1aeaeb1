#include "qr.h"

#include <qrencode.h>

#include "common/err.h"

enum { QUIET_ZONE = 4 }; /* ISO/IEC 18004 wants that much light around it */

/* The runs of dark modules in a row; the lowest bit of a module says whether it is dark. */
static void add_row(struct buf *buf, const unsigned char *modules, int width, int y)
{
    for (int x = 0; x < width; x++) {
        int start = x;
        while (x < width && (modules[x] & 1))
            x++;
        if (x > start)
            buf_addf(buf, "M%d %dh%dv1h-%dz", start + QUIET_ZONE, y + QUIET_ZONE, x - start,
                     x - start);
    }
}

int qr_add(struct buf *buf, const char *text)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (code == NULL)
        return ERR_INTERNAL;
    buf_addf(buf, "{\"size\":%d,\"path\":\"", code->width + 2 * QUIET_ZONE);
    for (int y = 0; y < code->width; y++)
        add_row(buf, code->data + (ptrdiff_t)y * code->width, code->width, y);
    buf_adds(buf, "\"}");
    QRcode_free(code);
    return 0;
}

/* A text as a QR code, for a camera that looks at the page. */
#ifndef PERCH_QR_H
#define PERCH_QR_H

#include "common/buf.h"

/* Adds {"size":n,"path":"…"}: a drawing of n by n units, one for each module and four of quiet zone
 * around them; the dark ones are an SVG path, a rectangle for each run of a row. ERR_INTERNAL: the
 * text is too long for a QR code, with more than 2,331 bytes; nothing is added then. */
int qr_add(struct buf *buf, const char *text) __attribute__((warn_unused_result));

#endif

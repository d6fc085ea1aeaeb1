/* Error codes: 0 is success, everything else a negative code from errors.def. */
#ifndef PERCH_ERR_H
#define PERCH_ERR_H

enum {
#define ERR(symbol, status, code, title) ERR_INDEX_##symbol,
#include "errors.def"
#undef ERR
    ERR_COUNT
};

enum err {
#define ERR(symbol, status, code, title) ERR_##symbol = -(ERR_INDEX_##symbol + 1),
#include "errors.def"
#undef ERR
};

struct err_info {
    int status;        /* HTTP status */
    const char *code;  /* stable, for programs */
    const char *title; /* for people */
};

/* The row of a negative error code; any other number gives ERR_INTERNAL's row. Never NULL. */
const struct err_info *err_info(int err);

/* The error with this code; ERR_INTERNAL when there is none. */
int err_by_code(const char *code);

/* Marks functions whose result must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

#endif

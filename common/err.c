#include "err.h"

#include <stddef.h>

static const struct err_info err_table[ERR_COUNT] = {
#define ERR(symbol, status, code, title) {status, code, title},
#include "errors.def"
#undef ERR
};

const struct err_info *err_info(int err)
{
    if (err >= 0 || err < -ERR_COUNT)
        err = ERR_INTERNAL;
    return &err_table[-(err + 1)];
}

#include "err.h"

#include <string.h>

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

int err_by_code(const char *code)
{
    for (int i = 0; i < ERR_COUNT; i++)
        if (strcmp(err_table[i].code, code) == 0)
            return -(i + 1);
    return ERR_INTERNAL;
}

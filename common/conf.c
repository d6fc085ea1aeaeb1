#include "conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"

/* NULL for a variable that is missing or empty. */
static const char *conf_get(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* Digits only: no sign, no space, no 0x. Leaves *number as it is when the variable is not set. */
static bool conf_int_read(const char *name, int minimum, int maximum, int *number)
{
    const char *value = conf_get(name);
    long parsed;

    if (!value)
        return true;
    errno = 0;
    parsed = strtol(value, NULL, 10);
    if (value[strspn(value, "0123456789")] != '\0' || errno != 0 || parsed < minimum ||
        parsed > maximum) {
        log_error("%s is '%s', but must be a number from %d to %d", name, value, minimum, maximum);
        return false;
    }
    *number = (int)parsed;
    return true;
}

int conf_load(struct conf *ret_conf)
{
    struct conf conf = {
#define CONF_TEXT(field, key, initial, help)                  .field = initial,
#define CONF_INT(field, key, initial, minimum, maximum, help) .field = initial,
#include "conf.def"
#undef CONF_TEXT
#undef CONF_INT
    };
    bool good = true;

    /* All of them, so that one look at the log is enough to mend all mistakes. */
#define CONF_TEXT(field, key, initial, help) \
    if (conf_get("PERCH_" #key))             \
        conf.field = conf_get("PERCH_" #key);
#define CONF_INT(field, key, initial, minimum, maximum, help) \
    good = conf_int_read("PERCH_" #key, minimum, maximum, &conf.field) && good;
#include "conf.def"
#undef CONF_TEXT
#undef CONF_INT

    /* A part of it would do for some keys and not for what scripts make of it. */
    if (strlen(conf.redis_prefix) > CONF_REDIS_PREFIX_MAX) {
        log_error("PERCH_REDIS_PREFIX is '%s', but may have %d bytes at most", conf.redis_prefix,
                  CONF_REDIS_PREFIX_MAX);
        good = false;
    }
    if (!good)
        return ERR_CONFIG;
    *ret_conf = conf;
    return 0;
}

void conf_print(FILE *stream)
{
    const char *initial_text;

#define CONF_TEXT(field, key, initial, help)                                     \
    initial_text = initial;                                                      \
    fprintf(stream, "  %-24s  %s\n%28s(default: %s)\n", "PERCH_" #key, help, "", \
            initial_text ? initial_text : "not set");
#define CONF_INT(field, key, initial, minimum, maximum, help)                              \
    fprintf(stream, "  %-24s  %s\n%28s(default: %d; %d to %d)\n", "PERCH_" #key, help, "", \
            initial, minimum, maximum);
#include "conf.def"
#undef CONF_TEXT
#undef CONF_INT
}

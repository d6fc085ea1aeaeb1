#include "user_key.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"

/* utf8_fold() into the request's arena. */
static int fold(const struct request *request, const char *text, size_t length,
                const char **ret_key)
{
    char *folded = NULL;
    int err = utf8_fold(text, length, &folded);
    if (err != 0)
        return err;
    *ret_key = arena_copy(request->arena, folded, strlen(folded));
    free(folded);
    return 0;
}

int user_key(const struct request *request, struct response *response, const char *field,
             const char *name, const char **ret_key)
{
    const char *key = NULL;
    if (fold(request, name, strlen(name), &key) != 0 || utf8_blank(key, strlen(key)))
        return response_invalid(response, field);
    *ret_key = key;
    return 0;
}

int user_key_trimmed(const struct request *request, const char *name, const char **ret_key)
{
    size_t length = strlen(name);
    utf8_trim(&name, &length);
    if (fold(request, name, length, ret_key) != 0)
        *ret_key = "";
    return 0;
}

int user_search_key(const struct request *request, const char *username, const char *display_name,
                    const char **ret_key)
{
    const char *text =
        display_name ? arena_printf(request->arena, "%s\n%s", username, display_name) : username;
    return fold(request, text, strlen(text), ret_key);
}

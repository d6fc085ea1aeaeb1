#include "telegram_name.h"

#include <ctype.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"
#include "field.h"
#include "user_key.h"

enum { NAME_MIN = 4, NAME_MAX = 32, ID_DIGITS_MAX = 16 };

static const char name_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

int telegram_name_field(const struct request *request, struct response *response,
                        const char **ret_text, const char **ret_key)
{
    const char *text = NULL;
    *ret_text = *ret_key = NULL;
    int err = field_text(request, response, "telegram", 0, REQUEST_TEXT_MAX, false, &text);
    if (err != 0 || text == NULL)
        return err;
    size_t length = strlen(text);
    utf8_trim(&text, &length);
    bool at = length > 0 && *text == '@';
    text += at;
    length -= at;
    bool number = !at && strspn(text, "0123456789") >= length;
    if (length < (number ? 1 : NAME_MIN) || length > (number ? ID_DIGITS_MAX : NAME_MAX) ||
        strspn(text, name_characters) < length || (number && *text == '0'))
        return response_invalid(response, "telegram");
    char *name = arena_printf(request->arena, "%s%.*s", number ? "" : "@", (int)length, text);
    char *key = arena_copy(request->arena, name, strlen(name));
    for (char *c = key; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    *ret_text = name;
    *ret_key = key;
    return 0;
}

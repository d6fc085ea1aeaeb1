#include "field.h"

#include <string.h>

#include "common/err.h"
#include "common/store_user.h"
#include "common/utf8.h"

bool field_present(const struct request *request, const char *name)
{
    return json_object_object_get_ex(request->body, name, NULL);
}

/* The member, NULL where it is absent or null. */
static struct json_object *member(const struct request *request, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(request->body, name, &value);
    return value;
}

int field_text(const struct request *request, struct response *response, const char *name,
               int minimum, int maximum, bool required, const char **ret_text)
{
    struct json_object *value = member(request, name);
    if (value == NULL && !required) {
        *ret_text = NULL;
        return 0;
    }
    if (!json_object_is_type(value, json_type_string))
        return response_invalid(response, name);
    const char *text = json_object_get_string(value);
    size_t count = utf8_count(text, (size_t)json_object_get_string_len(value));
    if (count < (size_t)minimum || count > (size_t)maximum)
        return response_invalid(response, name);
    *ret_text = text;
    return 0;
}

int field_name(const struct request *request, struct response *response, const char *name,
               int maximum, bool required, const char **ret_text)
{
    const char *text = NULL;
    int err = field_text(request, response, name, 0, 65536, required, &text);
    if (err != 0 || text == NULL) {
        if (err == 0)
            *ret_text = NULL;
        return err;
    }
    size_t length = strlen(text);
    utf8_trim(&text, &length);
    size_t count = utf8_count(text, length);
    if (count < 1 || count > (size_t)maximum || utf8_has_control(text, length) ||
        utf8_blank(text, length))
        return response_invalid(response, name);
    *ret_text = arena_copy(request->arena, text, length);
    return 0;
}

int field_id(const struct request *request, struct response *response, const char *name,
             int64_t *ret_id)
{
    struct json_object *value = member(request, name);
    int64_t id = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    if (id < 1 || id > STORE_ID_MAX)
        return response_invalid(response, name);
    *ret_id = id;
    return 0;
}

int field_choice(const struct request *request, struct response *response, const char *name,
                 const char *const *choices, const char **ret_text)
{
    struct json_object *value = member(request, name);
    *ret_text = NULL;
    if (!field_present(request, name))
        return 0;
    for (; json_object_is_type(value, json_type_string) && *choices != NULL; choices++)
        if (strcmp(*choices, json_object_get_string(value)) == 0) {
            *ret_text = *choices;
            return 0;
        }
    return response_invalid(response, name);
}

int field_flag(const struct request *request, struct response *response, const char *name,
               bool *ret_flag)
{
    struct json_object *value = member(request, name);
    if (field_present(request, name) && !json_object_is_type(value, json_type_boolean))
        return response_invalid(response, name);
    *ret_flag = json_object_get_boolean(value);
    return 0;
}

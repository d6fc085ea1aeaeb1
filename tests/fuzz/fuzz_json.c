/* Bodies: json_edge_parse() takes nothing that json-c's own strict mode refuses, means the same by
 * it, and takes what json-c makes of it again. (Python's opinion: tests/fuzz/test_json.py.) */
#include "fuzz.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/json_edge.h"

enum { DEPTH = 16 };

/* json-c's own reading, NULL where it refuses. `ret_good` tells the value null apart. */
static struct json_object *read_strictly(const char *text, size_t length, bool *ret_good)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH + 1);
    struct json_object *object;

    FUZZ_CHECK(tokener != NULL);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, text, (int)length + 1);
    *ret_good = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    return object;
}

/* Escaped pairs, which json-c reads wrongly at times (see json_edge.c). */
static bool has_pair(const char *text)
{
    return strstr(text, "\\ud") || strstr(text, "\\uD");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *object = NULL;
    struct json_object *same = NULL;
    char *text = fuzz_text(data, size);
    bool good = false;
    int err = json_edge_parse(text, size, DEPTH, &object);

    FUZZ_CHECK(err == 0 || (err == ERR_BAD_JSON && object == NULL));
    if (err == 0) {
        const char *again;

        same = read_strictly(text, size, &good);
        FUZZ_CHECK(good);
        FUZZ_CHECK(has_pair(text) || json_object_equal(object, same));
        json_object_put(same);
        same = NULL;

        again = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
        FUZZ_CHECK(json_edge_parse(again, strlen(again), DEPTH, &same) == 0);
        FUZZ_CHECK(json_object_equal(object, same));
    }
    json_object_put(same);
    json_object_put(object);
    free(text);
    return 0;
}

/* Reads texts, each behind its length in decimal digits and a newline, and answers for each with a
 * line: what json_edge_parse() made of it, written by json-c, or "refused". */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json_edge.h"

enum { DEPTH = 16, LENGTH_MAX = 1 << 20 };

int main(void)
{
    size_t length = 0;

    while (scanf("%zu", &length) == 1 && getchar() == '\n' && length <= LENGTH_MAX) {
        struct json_object *object = NULL;
        char *text = malloc(length + 1);

        if (!text || fread(text, 1, length, stdin) != length)
            return 1;
        if (json_edge_parse(text, length, DEPTH, &object) == 0)
            puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
        else
            puts("refused");
        fflush(stdout);
        json_object_put(object);
        free(text);
    }
    return 0;
}

#include "texts.h"

#include <string.h>
#include <strings.h>

enum { TEXTS_FORMS = 3 };

static const char *const texts_table[TEXTS_COUNT][TEXTS_LOCALES][TEXTS_FORMS] = {
#define TEXT(key, en, ru) [TEXTS_##key] = {{en, en, en}, {ru, ru, ru}},
#define PLURAL(key, en_one, en_more, ru_one, ru_few, ru_many) \
    [TEXTS_##key] = {{en_one, en_more, en_more}, {ru_one, ru_few, ru_many}},
#include "texts.def"
#undef TEXT
#undef PLURAL
};

enum texts_locale texts_locale(const char *tag)
{
    if (tag && strncasecmp(tag, "ru", 2) == 0 && (tag[2] == '\0' || tag[2] == '-'))
        return TEXTS_RU;
    return TEXTS_EN;
}

/* Which of the forms goes with the number: CLDR's one, few or many. */
static int texts_form(enum texts_locale locale, int64_t number)
{
    int64_t ones = number % 10, hundreds = number % 100;

    if (locale == TEXTS_EN)
        return number == 1 ? 0 : 1;
    if (ones == 1 && hundreds != 11)
        return 0;
    if (ones >= 2 && ones <= 4 && (hundreds < 12 || hundreds > 14))
        return 1;
    return 2;
}

void texts_add(struct buf *buf, enum texts_locale locale, enum texts_key key, int64_t number)
{
    static const char place[] = "{n}";
    const char *text = texts_table[key][locale][texts_form(locale, number)];

    for (const char *at; (at = strstr(text, place)); text = at + strlen(place)) {
        buf_add(buf, text, (size_t)(at - text));
        buf_addi(buf, number);
    }
    buf_adds(buf, text);
}

/* The bot's words in each language: the table texts.def. */
#ifndef PERCH_TEXTS_H
#define PERCH_TEXTS_H

#include <stdint.h>

#include "common/buf.h"

enum texts_key {
#define TEXT(key, en, ru)                                     TEXTS_##key,
#define PLURAL(key, en_one, en_more, ru_one, ru_few, ru_many) TEXTS_##key,
#include "texts.def"
#undef TEXT
#undef PLURAL
    TEXTS_COUNT
};

enum texts_locale { TEXTS_EN, TEXTS_RU, TEXTS_LOCALES };

/* Of a language tag ("ru", "ru-RU", as PostgreSQL and Telegram have them); English for any other
 * and for NULL. */
enum texts_locale texts_locale(const char *tag);

/* Adds the text in the form for `number` (not negative), which it may contain. */
void texts_add(struct buf *buf, enum texts_locale locale, enum texts_key key, int64_t number);

#endif

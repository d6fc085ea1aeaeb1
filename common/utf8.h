/* Text rules on UTF-8, with libutf8proc. Lengths are bytes unless the name says otherwise. */
#ifndef PERCH_UTF8_H
#define PERCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF) without NUL. */
bool utf8_valid(const char *text, size_t length);

/* Code points in valid UTF-8. */
size_t utf8_count(const char *text, size_t length);

/* Any code point of the general category Cc (C0, DEL, C1) or U+2028/U+2029. */
bool utf8_has_control(const char *text, size_t length);

/* Nothing a reader could see: only white space (categories Zs, Zl, Zp and the ASCII white space
 * controls), formatting and zero-width characters (Cf, default ignorables). Empty text is blank. */
bool utf8_blank(const char *text, size_t length);

/* Narrows [*text, *length) past Unicode white space at both ends. */
void utf8_trim(const char **text, size_t *length);

/* NFKC_Casefold (Unicode 3.13, R5), the form in which names are unique: "STRASSE" = "straße", "ﬁ" =
 * "FI". The result is malloc'ed and NUL-terminated; it may be empty (a text of default-ignorable
 * characters only). ERR_INVALID when the text is not valid UTF-8 or not foldable. */
int utf8_fold(const char *text, size_t length, char **ret_key) __attribute__((warn_unused_result));

#endif

#include "buf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { BUF_CAPACITY_MIN = 256 };

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf_cut(buf, 0);
}

void buf_cut(struct buf *buf, size_t length)
{
    buf->length = length;
    if (buf->data)
        buf->data[length] = '\0';
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf);
}

void buf_reserve(struct buf *buf, size_t length)
{
    size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;
    char *data = NULL;

    if (buf->data && length < buf->capacity - buf->length)
        return;
    if (length < SIZE_MAX / 2 - buf->length) {
        while (capacity - buf->length <= length)
            capacity *= 2;
        data = realloc(buf->data, capacity);
    }
    if (!data)
        memory_out("a buffer");
    data[buf->length] = '\0';
    buf->data = data;
    buf->capacity = capacity;
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    buf_reserve(buf, length);
    if (length > 0)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_adds(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_addi(struct buf *buf, int64_t number)
{
    buf_addf(buf, "%" PRId64, number);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    size_t room;
    int wanted;

    buf_reserve(buf, 0);
    room = buf->capacity - buf->length;
    va_start(arguments, format);
    wanted = vsnprintf(buf->data + buf->length, room, format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        buf->data[buf->length] = '\0';
        return;
    }
    if ((size_t)wanted >= room) {
        buf_reserve(buf, (size_t)wanted);
        va_start(arguments, format);
        vsnprintf(buf->data + buf->length, (size_t)wanted + 1, format, arguments);
        va_end(arguments);
    }
    buf->length += (size_t)wanted;
}

/* The letter of a two-character escape, or 0. */
static char buf_json_letter(char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void buf_add_json(struct buf *buf, const char *text)
{
    const char *plain = text; /* begin of what needs no escape and is not yet added */

    if (!text) {
        buf_adds(buf, "null");
        return;
    }
    buf_adds(buf, "\"");
    for (; *text; text++) {
        char letter = buf_json_letter(*text);

        if (!letter && (unsigned char)*text >= 0x20)
            continue;
        buf_add(buf, plain, (size_t)(text - plain));
        plain = text + 1;
        if (letter)
            buf_add(buf, (char[]){'\\', letter}, 2);
        else
            buf_addf(buf, "\\u%04x", (unsigned int)*text);
    }
    buf_add(buf, plain, (size_t)(text - plain));
    buf_adds(buf, "\"");
}

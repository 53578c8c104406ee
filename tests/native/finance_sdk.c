/* A stand-in for the vendor's archive library: its names and signatures, none of its network.
 *
 * It reads, from the folder in which it lies itself:
 *   tape    one sealed message a line: seq, a tab, the JSON object of GetChatData
 *   mood    one word: "crash", "hang", "noise", "init N", "fail N", "garbage", or nothing
 *   calls   what was asked of it, a line each (written)
 * A message is sealed as hex of its text, each byte xored with the key's; the text begins "WX:".
 * A text that holds POISON! brings the process down when it is opened.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Slice { char *buf; int len; } Slice_t;
typedef struct MediaData { char *outindexbuf; int out_len; char *data; int data_len; int is_finish; } MediaData_t;
typedef struct Sdk { char corp[128]; char secret[128]; int ready; } WeWorkFinanceSdk_t;

static void place(char *path, size_t size, const char *name) {
    Dl_info self;
    dladdr((void *)place, &self);
    snprintf(path, size, "%s", self.dli_fname);
    char *slash = strrchr(path, '/');
    if (slash) slash[1] = 0; else path[0] = 0;
    strncat(path, name, size - strlen(path) - 1);
}

static void note(const char *line) {
    char path[4096];
    place(path, sizeof path, "calls");
    FILE *f = fopen(path, "a");
    if (f) { fprintf(f, "%s\n", line); fclose(f); }
}

static int mood(const char *word, int *number) {
    char path[4096], found[64] = "";
    place(path, sizeof path, "mood");
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (!fgets(found, sizeof found, f)) found[0] = 0;
    fclose(f);
    if (strncmp(found, word, strlen(word))) return 0;
    if (number) *number = atoi(found + strlen(word));
    return 1;
}

WeWorkFinanceSdk_t *NewSdk(void) { return calloc(1, sizeof(WeWorkFinanceSdk_t)); }
void DestroySdk(WeWorkFinanceSdk_t *sdk) { free(sdk); }

int Init(WeWorkFinanceSdk_t *sdk, const char *corpid, const char *secret) {
    int code = 0;
    note("Init");
    if (mood("init ", &code)) return code;
    if (!sdk || !corpid || !secret || !*corpid || !*secret) return 10000;
    snprintf(sdk->corp, sizeof sdk->corp, "%s", corpid);
    snprintf(sdk->secret, sizeof sdk->secret, "%s", secret);
    sdk->ready = 1;
    return 0;
}

Slice_t *NewSlice(void) { return calloc(1, sizeof(Slice_t)); }
void FreeSlice(Slice_t *slice) { if (slice) { free(slice->buf); free(slice); } }
char *GetContentFromSlice(Slice_t *slice) { return slice->buf; }
int GetSliceLen(Slice_t *slice) { return slice->len; }

static void put(Slice_t *slice, const char *text, size_t n) {
    slice->buf = realloc(slice->buf, slice->len + n + 1);
    memcpy(slice->buf + slice->len, text, n);
    slice->len += n;
    slice->buf[slice->len] = 0;
}

int GetChatData(WeWorkFinanceSdk_t *sdk, unsigned long long seq, unsigned int limit,
                const char *proxy, const char *passwd, int timeout, Slice_t *out) {
    char path[4096], line[256];
    int code = 0;
    snprintf(line, sizeof line, "GetChatData %llu %u %s %s %d", seq, limit, proxy ? proxy : "",
             passwd ? passwd : "", timeout);
    note(line);
    if (mood("crash", NULL)) abort();
    while (mood("hang", NULL)) usleep(20000);
    if (mood("noise", NULL)) { printf("a line of the library's own\n"); fflush(stdout); }
    if (mood("fail ", &code)) return code;
    if (!sdk || !sdk->ready || limit > 1000) return 10000;
    if (mood("garbage", NULL)) { put(out, "{\"errcode\":", 11); return 0; }
    if (mood("refuse", NULL)) {
        const char *refusal = "{\"errcode\":301042,\"errmsg\":\"not allowed\"}";
        put(out, refusal, strlen(refusal));
        return 0;
    }
    const char *head = "{\"errcode\":0,\"errmsg\":\"ok\",\"chatdata\":[";
    put(out, head, strlen(head));
    place(path, sizeof path, "tape");
    FILE *tape = fopen(path, "r");
    char *row = NULL;
    size_t size = 0;
    unsigned int n = 0;
    while (tape && n < limit && getline(&row, &size, tape) > 0) {
        char *json = NULL;
        if (strtoull(row, &json, 10) <= seq || *json != '\t') continue;
        row[strcspn(row, "\n")] = 0;
        if (n++) put(out, ",", 1);
        put(out, json + 1, strlen(json + 1));
    }
    free(row);
    if (tape) fclose(tape);
    put(out, "]}", 2);
    return 0;
}

static int nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

int DecryptData(const char *key, const char *sealed, Slice_t *out) {
    size_t keys = key ? strlen(key) : 0, n = sealed ? strlen(sealed) / 2 : 0;
    if (!keys) return 10008;
    char *text = calloc(n + 1, 1);
    for (size_t i = 0; i < n; i++) {
        int byte = nibble(sealed[2 * i]) << 4 | nibble(sealed[2 * i + 1]);
        text[i] = (char)(byte ^ (unsigned char)key[i % keys]);
    }
    int good = n >= 3 && !strncmp(text, "WX:", 3);
    if (good && strstr(text, "POISON!")) abort();
    if (good) put(out, text + 3, n - 3);
    free(text);
    return good ? 0 : 10006;
}

MediaData_t *NewMediaData(void) { return calloc(1, sizeof(MediaData_t)); }
void FreeMediaData(MediaData_t *media) { free(media); }
char *GetOutIndexBuf(MediaData_t *media) { return media->outindexbuf; }
char *GetData(MediaData_t *media) { return media->data; }
int GetIndexLen(MediaData_t *media) { return media->out_len; }
int GetDataLen(MediaData_t *media) { return media->data_len; }
int IsMediaDataFinish(MediaData_t *media) { return media->is_finish; }

int GetMediaData(WeWorkFinanceSdk_t *sdk, const char *indexbuf, const char *fileid,
                 const char *proxy, const char *passwd, int timeout, MediaData_t *media) {
    (void)indexbuf; (void)proxy; (void)passwd; (void)timeout; (void)media;
    note("GetMediaData");
    return sdk && sdk->ready && fileid && *fileid ? 10010 : 10000;
}

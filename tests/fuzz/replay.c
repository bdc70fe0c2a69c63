/* replay.c - feeds each file of a folder to a fuzz target, for compilers without a
 * fuzzer: what was found once is tried in every test run. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A block of the file's exact size, so that a sanitizer sees a read past its end. */
static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");

    must(f != NULL && fseek(f, 0, SEEK_END) == 0);
    long size = ftell(f);
    u8 *data = malloc((size_t)size + (size == 0));
    rewind(f);
    must(size >= 0 && data != NULL && fread(data, 1, (size_t)size, f) == (size_t)size);
    fclose(f);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

int main(int argc, char **argv)
{
    char path[1024];
    int count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        replay(path);
        count++;
    }
    closedir(folder);
    printf("ok  %-40s %3d inputs\n", argv[1], count);
    return count == 0;
}

/* glibc 2.38 renamed strtol for C23; an archive built there asks for the new name. */
#include <stdlib.h>
long __isoc23_strtol(const char* text, char** end, int base);
long __isoc23_strtol(const char* text, char** end, int base) { return strtol(text, end, base); }

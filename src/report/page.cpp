#include "axs/report/page.h"

#include "axs/report/assets.h"
#include "axs/report/text.h"

namespace axs::report {

std::string page(std::string_view title, std::string_view body) {
  std::string text =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>";
  text += escaped(title);
  text += "</title>\n<style>";
  text += style_sheet();
  text += "</style>\n</head>\n<body>\n";
  text += body;
  return text + "</body>\n</html>\n";
}

}  // namespace axs::report

// What a host’s page loads: the widget of this very version.

import "./web/{{version}}/widget/lectern-chat.js";

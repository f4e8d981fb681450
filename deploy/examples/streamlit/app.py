"""A Streamlit app with the widget: `streamlit run app.py`.

LECTERN_URL and LECTERN_KEY name api-service and a publishable key that lists the origin of this app.
"""

import os
from urllib.parse import urlencode

import streamlit as st
import streamlit.components.v1 as components

SERVICE = os.environ.get("LECTERN_URL", "http://localhost:8000")
KEY = os.environ.get("LECTERN_KEY", "pk_your_key")

st.title("Handbook")
components.iframe(f"{SERVICE}/embed?{urlencode({'key': KEY, 'label': 'Ask the handbook'})}", height=600)
